"""What a watch tells others: one JSON body for machines, one for chat services that take Slack's form."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Final

from reconciler.core.plan import Change
from reconciler.engine.clock import stamp
from reconciler.engine.drift import Drift

_LISTED: Final = 20
"""How many resources a chat message names; the rest is counted."""

_UNSAFE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def body_for(form: str, target: str, drift: Drift, at: datetime, since: datetime | None) -> dict[str, Any]:
    """The event in one of the forms ``json`` and ``slack``."""
    return slack_body(target, drift) if form == "slack" else generic_body(target, drift, at, since)


def generic_body(target: str, drift: Drift, at: datetime, since: datetime | None) -> dict[str, Any]:
    """The event for machines: which resources drifted, in which fields, and who wrote them last. No values, none secret."""
    return {
        "event": "drift" if drift.plan.drifted else "no-drift",
        "target": target,
        "stack": drift.plan.header.stack,
        "at": stamp(at),
        "since": stamp(since) if since else None,
        "resources": [_resource(change) for change in drift.plan.drifted],
        "unmanaged": len(drift.unmanaged),
    }


def _resource(change: Change) -> dict[str, Any]:
    who, when = change.modified
    return {
        "key": str(change.key),
        "reason": "missing" if change.reason == "missing" else "conflict" if change.conflicted else "changed",
        "fields": [item.label for item in change.fields if item.status in ("theirs", "both")],
        "lastModifiedBy": who or None,
        "lastModifiedTime": when or None,
    }


def slack_body(target: str, drift: Drift) -> dict[str, Any]:
    """The event as a chat message in Slack's ``mrkdwn``, with everything from the tenant shown as plain text."""
    drifted = drift.plan.drifted
    if not drifted:
        return {"text": f":white_check_mark: No drift any more on *{plain(target)}*"}
    lines = [f":warning: *{len(drifted)} drifted* on *{plain(target)}*"]
    for change in drifted[:_LISTED]:
        found = _resource(change)
        what = ", ".join(found["fields"][:5]) or found["reason"]
        more = f" and {len(found['fields']) - 5} more" if len(found["fields"]) > 5 else ""
        who = f", last written by {plain(found['lastModifiedBy'])}" if found["lastModifiedBy"] else ""
        lines.append(f"• {plain(found['key'])}: {plain(what)}{more}{who}")
    if len(drifted) > _LISTED:
        lines.append(f"… and {len(drifted) - _LISTED} more")
    return {"text": "\n".join(lines)}


def plain(text: str) -> str:
    """Text that a chat service shows as it is: no mention, no link, no emphasis, no line break."""
    text = _UNSAFE.sub(" ", text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # A zero-width joiner behind it keeps a sign from beginning emphasis or an emoji's name.
    return re.sub(r"([*_~`:@])", "\\1\u2060", text)[:300]
