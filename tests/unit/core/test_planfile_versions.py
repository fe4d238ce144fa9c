"""Plans of versions that said less, with parts that later ones added, and parts that no version knows."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from reconciler.core.compare import FieldChange
from reconciler.core.plan import Acknowledged, Change, Header, Plan, Problem, Step
from reconciler.core.plandigest import change_digest, digest_of_change, plan_digest
from reconciler.core.planfile import plan_from_json, plan_to_json
from reconciler.core.resource import Key
from reconciler.core.values import ABSENT, Secret

W = Key("Widget", "w")
PLAN = Plan(
    Header("prod"),
    (
        Change(
            W,
            "update",
            "w",
            steps=(Step("update", {"size": 2}),),
            fields=(FieldChange(("size",), "ours", 1, 2, 1),),
            labels={"team": "crm"},
            annotations={"why": "so"},
        ),
    ),
    problems=(Problem("G004", "m", "f", W, "G004:Widget/w", "00ff"),),
    acknowledged=(Acknowledged("G001=7", "m", "agreed", "anna", "2026-05-01T12:00:00Z", "a.yaml:1:1"),),
    narrowed=("--only Widget/*",),
)


def data() -> Any:
    return json.loads(json.dumps(plan_to_json(PLAN)))


def test_what_later_versions_added_reads_back() -> None:
    assert plan_from_json(data()) == PLAN
    assert plan_from_json(data()).changes[0].labels == {"team": "crm"}
    assert plan_from_json(data()).changes[0].annotations == {"why": "so"}


def test_a_plan_of_the_first_version_lacks_them() -> None:
    old = {name: value for name, value in data().items() if name not in ("acknowledged", "narrowed")}
    del old["changes"][0]["labels"], old["changes"][0]["annotations"], old["problems"][0]["change"]
    read = plan_from_json({**old, "format_version": "1.0"})
    assert (read.acknowledged, read.narrowed) == ((), ())
    assert (read.changes[0].labels, read.changes[0].annotations) == ({}, {})
    assert read.problems == (Problem("G004", "m", "f", W, "G004:Widget/w"),)


@pytest.mark.parametrize(
    ("spoilt", "says"),
    [
        ([], "not a plan: it is no JSON object"),
        ({}, "not a plan: it has no format_version"),
        ({**data(), "format_version": "2.0"}, "format_version '2.0' is not 1.1"),
        ({**data(), "orphans": [1]}, "not a plan that this tool wrote: a part of it has another form"),
    ],
)
def test_what_is_no_plan_is_told_why(spoilt: Any, says: str) -> None:
    with pytest.raises(ValueError) as caught:
        plan_from_json(spoilt)
    assert str(caught.value) == says


@pytest.mark.parametrize(("name", "value"), [("status", "lucky"), ("secret", "lucky")])
def test_a_field_of_another_status_is_refused(name: str, value: str) -> None:
    spoilt = data()
    spoilt["changes"][0]["fields"][0][name] = value
    with pytest.raises(ValueError) as caught:
        plan_from_json(spoilt)
    assert str(caught.value) == "a field's status that this version does not know"


@pytest.mark.parametrize(
    "path", [("action",), ("pin", "style"), ("steps", 0, "operation")], ids=lambda path: str(path[0])
)
def test_a_change_that_no_version_knows_is_refused_by_its_key(path: tuple[Any, ...]) -> None:
    spoilt = data()
    node = spoilt["changes"][0]
    for part in path[:-1]:
        node = node[part]
    node[path[-1]] = "explode"
    with pytest.raises(ValueError) as caught:
        plan_from_json(spoilt)
    assert str(caught.value) == "Widget/w: an action, a step or a pin that this version does not know"


def test_the_spelling_that_digests_are_of_outlives_a_version_of_the_tool() -> None:
    """Files that were reviewed name these digests, and so do pipelines that expect one."""

    def digest(value: Any) -> str:
        return sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    change = {
        "key": "Widget/w",
        "action": "update",
        "name": "w",
        "reason": "",
        "fields": [{"path": ["size"], "status": "ours", "before": 1, "after": 2}],
    }
    token = FieldChange(("token",), "ours", ABSENT, {"in": [Secret("env:A", "x", "f")]}, ABSENT, "new")
    spelled = {
        "path": ["token"],
        "status": "ours",
        "before": {"@reconciler": {"absent": True}},
        "after": {"in": [{"secret": "env:A"}]},
    }
    assert digest_of_change(replace(PLAN.changes[0], fields=(token,))) == digest({**change, "fields": [spelled]})
    for secret in ("rotated", "forced"):
        written = replace(token, desired=Secret("env:A"), secret=secret)  # type: ignore[arg-type]
        assert digest_of_change(replace(PLAN.changes[0], fields=(*PLAN.changes[0].fields, written))) == digest(change)
    assert digest_of_change(PLAN.changes[0]) == digest(change)
    assert change_digest(PLAN) == digest([change])
    assert change_digest(Plan(Header())) == digest([])
    assert plan_digest({**data(), "planDigest": "other"}) == digest(
        {
            **{name: value for name, value in data().items() if name != "planDigest"},
            "cost": {"requests": 0, "seconds": 0},
        }
    )
