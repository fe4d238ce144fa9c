"""What a Markdown report is found again by, and what it says of where it comes from."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.core.plan import Change, Header, Plan
from reconciler.core.planfile import plan_to_json
from reconciler.render.markdown import code, comment
from reconciler.render.page import writer


def sticky(what: str, header: Header) -> str:
    """The name of the one comment that a pipeline keeps for reports of one sort about one project and target."""
    return f"reconciler-{what} {header.stack}/{header.target}"


def plan_digests(plan: Plan) -> Mapping[str, str]:
    """A plan's two digests: ``plan`` over everything, ``changes`` over what a reviewer approves."""
    data = plan_to_json(plan)
    return {"plan": data["planDigest"], "changes": data["changeDigest"]}


def hidden_stamp(header: Header, digests: Mapping[str, str]) -> str:
    """Target, commit and digests as a line that programs find and readers do not see."""
    names = {"plan": "planDigest", "changes": "changeDigest"}
    parts = [f"target={header.target}", f"commit={header.commit}"]
    return comment(" ".join([*parts, *(f"{names[name]}={value}" for name, value in digests.items())]))


def stamp(header: Header, digests: Mapping[str, str]) -> str:
    """The same for people, with times, as the last lines of the page."""
    parts = [
        f"target {code(header.target)}" if header.target else "",
        f"at {code(header.url)}" if header.url else "",
        f"commit {code(header.commit)}" if header.commit else "",
        f"made {code(header.created)}" if header.created else "",
        f"good until {code(header.expires)}" if header.expires and digests else "",
        f"manifests {code(header.manifests[:12])}" if header.manifests else "",
        *(f"{name} {code(value)}" for name, value in digests.items()),
    ]
    return f"---\n\n<sub>{' · '.join(part for part in parts if part)}</sub>"


def where(change: Change) -> str:
    """Where a change is declared, as Markdown; empty where nothing says."""
    return code(f"{change.mark.file}:{change.mark.line}") if change.mark else ""


def who(change: Change) -> str:
    """Who wrote the live resource last, as Markdown; empty where nothing says."""
    name = writer(change)
    return code(name) if name else ""
