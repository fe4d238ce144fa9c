"""Differences for the tests of renderers: every status, everything that an item can say, and hostile texts."""

from __future__ import annotations

from reconciler.core.compare import FieldChange
from reconciler.core.diagnostic import Mark
from reconciler.core.difference import Difference, Item, Side
from reconciler.core.resource import Key
from reconciler.core.schema_change import SchemaEffect
from reconciler.core.values import ABSENT, Bundle, Secret, Unknown


def field(path: str, before: object, after: object) -> FieldChange:
    """One difference at a dotted path."""
    return FieldChange(tuple(path.split(".")), "ours", before, after, before)


def difference(text: str = "plain") -> Difference:
    """A difference that says everything once, with ``text`` wherever a manifest has a say."""
    items = (
        Item(
            Key("Connector", "crm"),
            "resource",
            "added",
            (
                field("authentication", ABSENT, {"credentials": {"apiKey": Secret("env:KEY")}, text: text}),
                field("name", ABSENT, "The CRM"),
            ),
            live_name="The CRM",
            mark=Mark(f"{text}.yaml", 3, 1),
        ),
        Item(
            Key("DataAction", "enrich"),
            "resource",
            "changed",
            (
                field("code", Bundle("1" * 64, {"a": "1"}), Bundle("2" * 64, {"a": "2"})),
                field("environment.CRM", Unknown("Connector", "old", "id"), Unknown("Connector", "crm", "id")),
                field("environment.KEY", Secret("env:ONE"), Secret("vault:a/b#c")),
            ),
            (field("tests", [{"name": text}], []),),
            live_name="enrich",
            bundle_files=((text, "added"), ("a", "changed"), ("b", "removed")),
            touches=tuple(Key("EventStream", f"s{number:02}") for number in range(25)),
            touches_more=True,
        ),
        Item(
            Key("Dataset", "orders"),
            "resource",
            "moved",
            (field("columns.amount", {"type": "number"}, ABSENT),),
            live_name="orders",
            moved_from=Key("Dataset", "sales"),
            effects=(
                SchemaEffect("breaking", text, "column is dropped"),
                SchemaEffect("compatible", "new", "nullable"),
            ),
            touches=(Key("Connector", "crm"),),
        ),
        Item(Key("Ingestion", "load"), "job", "removed", (field("batchSize", 500, ABSENT),)),
    )
    return Difference(
        Side(text, "ab" * 20),
        Side("work tree"),
        "prod",
        items,
        (field("targets.prod.url", "https://a.example", text),),
        9,
        (Key("Dataset", text),),
        (f"{text} is not valid",),
        (f"--only {text}",),
    )
