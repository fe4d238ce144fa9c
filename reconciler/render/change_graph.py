"""The changes of a plan as a Mermaid graph: what comes before what, as far as a reader can take it in."""

from __future__ import annotations

from reconciler.core.plan import Change, Plan
from reconciler.render.escape import mermaid_label, shorten
from reconciler.render.rows import SIGNS

NODES_SHOWN = 60
EDGES_SHOWN = 200
_CLASSES = {
    "create": "fill:#dafbe1,stroke:#1a7f37,color:#1f2328",
    "update": "fill:#fff8c5,stroke:#9a6700,color:#1f2328",
    "delete": "fill:#ffebe9,stroke:#cf222e,color:#1f2328",
    "adopt": "fill:#ddf4ff,stroke:#0969da,color:#1f2328",
    "forget": "fill:#f6f8fa,stroke:#6e7781,color:#1f2328",
}


def change_graph(plan: Plan) -> tuple[list[str], int]:
    """Lines of a Mermaid flowchart, and how many changes it leaves out; an arrow points to what waits for it."""
    changes = [change for change in plan.changes if change.action != "none"]
    shown = changes[:NODES_SHOWN]
    names = {change.key: f"n{index}" for index, change in enumerate(shown)}
    lines = ["flowchart LR"]
    lines += [f"  {names[change.key]}[{_label(change)}]:::{change.action}" for change in shown]
    edges = [f"  {names[key]} --> {names[change.key]}" for change in shown for key in change.after if key in names]
    lines += edges[:EDGES_SHOWN]
    used = {change.action for change in shown}
    lines += [f"  classDef {name} {style}" for name, style in _CLASSES.items() if name in used]
    return lines, len(changes) - len(shown)


def _label(change: Change) -> str:
    return mermaid_label(f"{SIGNS[change.action]} {shorten(str(change.key), 60)}")
