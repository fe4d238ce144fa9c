"""Golden files of rendered plans: one file a case, a plan's JSON and below it what each renderer makes of it.

``python -m tests.support.golden_plans`` writes what the renderers say now into every file, to be read in the diff.
"""

import json
from pathlib import Path

from reconciler.core.plan import Plan
from reconciler.core.planfile import plan_from_json, plan_to_json
from reconciler.render.drift_markdown import render_drift_markdown
from reconciler.render.drift_text import render_drift_text
from reconciler.render.plan_github import render_plan_github
from reconciler.render.plan_markdown import render_plan_markdown
from reconciler.render.plan_text import render_plan_text
from tests.support.render_plans import worlds

FOLDER = Path(__file__).parents[1] / "golden" / "plan"
NARROW = 60
_MARK = "=" * 20


def render_all(plan: Plan) -> dict[str, str]:
    """What every renderer makes of a plan, by section."""
    return {
        "text": render_plan_text(plan),
        f"text, {NARROW} columns": render_plan_text(plan, width=NARROW),
        "drift": render_drift_text(plan),
        "markdown": render_plan_markdown(plan),
        "drift, markdown": render_drift_markdown(plan),
        "github": render_plan_github(plan),
    }


def read_case(path: Path) -> tuple[Plan, dict[str, str]]:
    """A case's plan, and the expected sections by name."""
    sections: dict[str, str] = {}
    name = ""
    for line in path.read_text("utf-8").splitlines(keepends=True):
        if line.startswith(f"{_MARK} "):
            name = line.removeprefix(f"{_MARK} ").rstrip("\n")
            sections[name] = ""
        else:
            sections[name] += line
    return plan_from_json(json.loads(sections.pop("plan"))), sections


def write_case(path: Path, plan: Plan) -> None:
    """Write a case with what the renderers say now."""
    sections = {"plan": json.dumps(plan_to_json(plan), indent=1) + "\n", **render_all(plan)}
    path.write_text("".join(f"{_MARK} {name}\n{text}" for name, text in sections.items()), "utf-8")


def main() -> None:
    """Write all cases anew: those that are there from their own plan, missing ones from `worlds`."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, plan in worlds().items():
        path = FOLDER / f"{name}.txt"
        write_case(path, read_case(path)[0] if path.exists() else plan)


if __name__ == "__main__":
    main()
