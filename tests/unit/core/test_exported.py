"""The account of an export: what it counts, and what its JSON says."""

from __future__ import annotations

from dataclasses import replace

from reconciler.core.declare import Placeholder
from reconciler.core.exported import Exported, LeftOut, exported_to_json
from reconciler.core.resource import Key

WHOLE = LeftOut("Stream", "s", "id-s", "it refers to nothing")
PART = LeftOut("Widget", "w", "id-w", "no manifest can say it", "size")
MADE = Exported(
    target="prod",
    folder="manifests/live",
    counts={"Widget": 2, "Gadget": 1},
    files=("a.yaml", "b.yaml"),
    secrets=(Placeholder("WIDGET_W_TOKEN", Key("Widget", "w"), "credentials.token"),),
    code=(Key("Gadget", "g"),),
    left_out=(WHOLE, PART),
    along=(Key("Widget", "v"),),
    declared=4,
    adopted=True,
    literal_ids=((Key("Widget", "w"), "vars.A"),),
)


def test_a_field_that_is_left_out_does_not_leave_its_resource_out() -> None:
    assert MADE.manifests == 3
    assert MADE.missing == (WHOLE,)
    assert MADE.partial
    assert not replace(MADE, left_out=(PART,)).partial


def test_the_account_as_json() -> None:
    assert exported_to_json(MADE) == {
        "format_version": 1,
        "target": "prod",
        "folder": "manifests/live",
        "dryRun": False,
        "adopted": True,
        "manifests": {"Widget": 2, "Gadget": 1},
        "files": ["a.yaml", "b.yaml"],
        "declared": 4,
        "along": ["Widget/v"],
        "secrets": [{"variable": "WIDGET_W_TOKEN", "key": "Widget/w", "path": "credentials.token"}],
        "code": ["Gadget/g"],
        "literalIds": [{"key": "Widget/w", "path": "vars.A"}],
        "leftOut": [
            {"kind": "Stream", "name": "s", "id": "id-s", "reason": "it refers to nothing"},
            {"kind": "Widget", "name": "w", "id": "id-w", "reason": "no manifest can say it", "field": "size"},
        ],
    }
    assert exported_to_json(replace(MADE, dry_run=True))["dryRun"] is True
