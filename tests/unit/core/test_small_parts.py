"""Schema classes, references, reports, keys, marks, selectors, errors."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.core.diagnostic import Diagnostic, Mark, Rule, dotted
from reconciler.core.exchange import Outcome
from reconciler.core.kind import SchemaField
from reconciler.core.refs import resolve_tree
from reconciler.core.report import Report, Result, account, report_from_json, report_to_json
from reconciler.core.resource import Desired, Key, Observed, nowhere
from reconciler.core.schema_change import classify
from reconciler.core.selection import Selector, select
from reconciler.core.values import Template, Unknown
from reconciler.errors import ApiError, GuardRefused, Interrupted, InvalidManifests, ReconcilerError, ScopeMissing

MAP = SchemaField("columns", "recordCount", "primaryKey")
LIST = SchemaField("fields", "recordCount")
TEXT = {"type": "string", "nullable": True}


@pytest.mark.parametrize(
    ("before", "after", "effect"),
    [
        (None, TEXT, "compatible"),
        (None, {"type": "string"}, "compatible"),
        (None, {"type": "string", "nullable": False}, "breaking"),
        (TEXT, None, "breaking"),
        (TEXT, TEXT, ""),
        (TEXT, {"type": "string"}, ""),
        (TEXT, {**TEXT, "type": "date"}, "breaking"),
        (TEXT, {**TEXT, "nullable": False}, "breaking"),
        ({**TEXT, "nullable": False}, TEXT, "breaking"),
        ({**TEXT, "maxLength": 10}, {**TEXT, "maxLength": 11}, "compatible"),
        ({**TEXT, "maxLength": 10}, TEXT, "compatible"),
        ({**TEXT, "maxLength": 10}, {**TEXT, "maxLength": 9}, "breaking"),
        (TEXT, {**TEXT, "maxLength": 9}, "breaking"),
        (TEXT, {**TEXT, "description": "new"}, ""),
    ],
)
def test_classes_of_column_changes(before: Any, after: Any, effect: str) -> None:
    old, new = ({"c": column} if column else {} for column in (before, after))
    found = classify(MAP, {"columns": old}, {"columns": new})
    assert [(item.effect, item.column) for item in found] == ([(effect, "c")] if effect else [])
    listed = [[{"name": name, **column} for name, column in side.items()] for side in (old, new)]
    assert [item.effect for item in classify(LIST, {"fields": listed[0]}, {"fields": listed[1]})] == (
        [effect] if effect else []
    )


def test_the_primary_key_and_what_is_not_declared() -> None:
    [effect] = classify(MAP, {"primaryKey": "a"}, {"primaryKey": "b"})
    assert (effect.effect, effect.message) == ("breaking", "primary key changes from a to b")
    assert classify(MAP, {"primaryKey": "a", "columns": {"c": TEXT}}, {"primaryKey": "a"}) == ()
    assert classify(MAP, {"columns": "odd"}, {"columns": {"c": TEXT, "odd": "text"}})[0].effect == "compatible"


def test_known_references_are_replaced_and_nothing_else_is_copied() -> None:
    known, later = Unknown("K", "known", "id"), Unknown("K", "later", "id")
    names = {known: "id-1"}
    tree = {"a": known, "b": {"c": Template(("x/", known, "/", later)), "d": [known, 1]}, "e": {"f": 1}}
    found = resolve_tree(tree, names.get)
    assert found["a"] == "id-1"
    assert found["b"] == {"c": Template(("x/", "id-1", "/", later)), "d": ["id-1", 1]}
    assert found["e"] is tree["e"]
    assert resolve_tree({"t": Template(("x/", known))}, names.get) == {"t": "x/id-1"}
    plain = {"a": [1, {"b": None}], "later": later}
    assert resolve_tree(plain, names.get) is plain


def result(outcome: Outcome, code: str = "") -> Result:
    return Result(Key("K", outcome), "update", outcome, code=code)


@pytest.mark.parametrize(
    ("outcomes", "verdict"),
    [
        ([], "nothing"),
        (["applied", "applied"], "applied"),
        (["applied", "stale"], "partial"),
        (["applied", "failed"], "partial"),
        (["stale"], "stale"),
        (["stale", "skipped"], "stale"),
        (["stale", "failed"], "failed"),
        (["stale", "unknown"], "failed"),
        (["failed", "skipped"], "failed"),
        (["unknown"], "failed"),
        (["skipped"], "failed"),
    ],
)
def test_verdicts(outcomes: list[Outcome], verdict: str) -> None:
    assert Report(tuple(result(outcome) for outcome in outcomes)).verdict == verdict


def test_verdicts_of_special_runs() -> None:
    assert Report((result("failed", "A002"), result("skipped"))).verdict == "denied"
    assert Report((result("failed", "A002"), result("applied"))).verdict == "partial"
    assert Report((result("applied"),), diverged=((Key("K", "a"), "differs"),)).verdict == "partial"
    assert Report((result("applied"),), signal=15).verdict == "interrupted"


def test_the_account_and_its_json_are_of_one_report() -> None:
    report = Report(
        (result("applied"), Result(Key("K", "b"), "create", "skipped", because=Key("K", "a")), result("stale")),
        diverged=((Key("K", "applied"), "differs"),),
        requests={"PATCH": 1, "GET": 2},
    )
    assert account(report) == "1 applied, 1 stale, 1 skipped, 1 not converged"
    data = report_to_json(report)
    assert data["account"] == account(report)
    assert data["verdict"] == report.verdict == "partial"
    assert [item["because"] for item in data["results"]] == [None, "K/a", None]
    assert list(data["requests"]) == ["GET", "PATCH"]


def test_keys_read_and_show_and_sort() -> None:
    assert str(Key.parse("Dataset/a.b")) == "Dataset/a.b" == f"{Key('Dataset', 'a.b')}"
    assert sorted([Key("B", "a"), Key("A", "b")]) == [Key("A", "b"), Key("B", "a")]
    for text in ("Dataset", "Dataset/", "/a", "", "a/b/c"):
        with pytest.raises(ValueError, match="Kind/name"):
            Key.parse(text)


def test_observed_and_desired_say_who_they_are() -> None:
    live = Observed("K", "1", {"name": "n", "lastModifiedBy": None, "lastModifiedTime": "t"})
    assert (live.name, live.modified_by, live.modified_time) == ("n", "", "t")
    assert Observed("K", "1", {}).name == ""
    assert Desired(Key("K", "a"), {"name": "n"}).live_name == "n"
    assert nowhere(("spec",)) is None


def test_paths_and_places() -> None:
    assert dotted(("spec", "mappings", 2, "crm-Field", 'a."b', "")) == 'spec.mappings[2].crm-Field["a.\\"b"][""]'
    assert str(Mark("a.yaml", 3, 4)) == "a.yaml:3:4"
    rule = Rule("M1", "t", "e")
    items = [Diagnostic(rule, "b", Mark("a", 2, 1)), Diagnostic(rule, "a", Mark("a", 1, 9)), Diagnostic(rule, "c")]
    assert [item.message for item in sorted(items, key=lambda item: item.sort_key)] == ["c", "a", "b"]


def test_selectors() -> None:
    items = [
        Desired(Key("Dataset", "orders"), {"name": "o"}, labels={"team": "crm"}, file="manifests/a.yaml"),
        Desired(Key("Dataset", "calls"), {"name": "c"}, file="manifests/sub/b.yaml"),
        Desired(Key("Connector", "crm"), {"name": "x"}, labels={"team": "crm"}, file="other/c.yaml"),
    ]

    def chosen(*only: str, exclude: tuple[str, ...] = (), files: tuple[str, ...] = ()) -> set[str]:
        found = select(items, [Selector.parse(one) for one in only], [Selector.parse(one) for one in exclude], files)
        return {str(key) for key in found}

    assert chosen() == {"Dataset/orders", "Dataset/calls", "Connector/crm"}
    assert chosen("Dataset/*") == {"Dataset/orders", "Dataset/calls"}
    assert chosen("team=crm", exclude=("Connector/*",)) == {"Dataset/orders"}
    assert chosen("@./manifests/a.yaml") == {"Dataset/orders"}
    assert chosen("@manifests/*") == {"Dataset/orders", "Dataset/calls"}
    assert chosen("team=other") == set()
    assert chosen(files=("manifests",)) == {"Dataset/orders", "Dataset/calls"}
    assert chosen(files=("manifests/sub/b.yaml",)) == {"Dataset/calls"}
    assert chosen(files=(".",)) == chosen()
    assert chosen(files=("manifest",)) == set()
    for text in ("Dataset", "@", "=x", ""):
        with pytest.raises(ValueError, match="is not a selector"):
            Selector.parse(text)


def test_errors_have_a_code_a_message_and_a_fix() -> None:
    rule = Rule("M1", "t", "e")
    invalid = InvalidManifests([Diagnostic(rule, "x"), Diagnostic(rule, "y", severity="warning")])
    assert str(invalid) == "1 error in the manifests"
    assert str(InvalidManifests([Diagnostic(rule, "x")] * 2)).startswith("2 errors")
    assert ScopeMissing("no", scope="data:read").fix.endswith("auth.scopes if the target has it, the scope data:read")
    assert ApiError("m", status=404, api_code="C", request_id="r").status == 404
    assert GuardRefused("m", codes=["G001"]).codes == ("G001",)
    assert Interrupted("m", signal_number=2).signal_number == 2


def test_every_error_has_a_code_of_its_own() -> None:
    def below(kind: type[ReconcilerError]) -> list[type[ReconcilerError]]:
        return [one for child in kind.__subclasses__() for one in (child, *below(child))]

    package = "reconciler.errors."
    own = [kind for kind in below(ReconcilerError) if kind.__module__.startswith(package) and "code" in vars(kind)]
    leaves = [kind.code for kind in own if not kind.__subclasses__()]
    assert len(leaves) == len(set(leaves))
    assert all(kind.__doc__ for kind in own)


def test_a_report_reads_back() -> None:
    report = Report(
        (result("applied"), Result(Key("K", "b"), "create", "skipped", "id", "S001", "m", "f", Key("K", "a"))),
        diverged=((Key("K", "b"), "differs"),),
        signal=2,
        requests={"GET": 2},
    )
    data = report_to_json(report)
    assert report_from_json(data) == report
    for name, value in [("format_version", "2.0"), ("results", [{"key": "K/a"}]), ("diverged", 3)]:
        with pytest.raises(ValueError):
            report_from_json({**data, name: value})
    strange = {**data["results"][0], "outcome": "lucky"}
    with pytest.raises(ValueError, match="lucky"):
        report_from_json({**data, "results": [strange]})
