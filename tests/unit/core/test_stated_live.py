"""What is live, by names: what two tenants are compared by, and what of it cannot be told apart."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from reconciler.core.kind import SecretMap
from reconciler.core.resource import Key, Observed
from reconciler.core.stated_live import live_side
from reconciler.core.values import MASKED, Bundle
from reconciler.kinds import load_kinds
from tests.support.kinds import THING

KINDS = load_kinds()


def _live(kind: str, id_: str, name: str, **body: Any) -> Observed:
    return Observed(kind, id_, {"id": id_, "etag": "e", "createdTime": "t", "name": name, **body}, "e")


def test_ids_become_names_and_the_servers_own_fields_go() -> None:
    observed = {
        "DataAction": [
            _live("DataAction", "action-0001", "find", codeSha256="ab", environment={"T": "x/table-00001", "S": {"value": "*", "secret": True}})
        ],
        "Dataset": [_live("Dataset", "table-00001", "people & co", recordCount=5)],
        "EventStream": [_live("EventStream", "s1", "calls", actionId="action-0001"), _live("EventStream", "s2", "gone", actionId="x9")],
    }  # fmt: skip
    side = live_side(KINDS, observed)
    assert {str(key): item.fields for key, item in side.stated.items()} == {
        "DataAction/find": {
            "name": "find",
            "code": Bundle("ab"),
            "environment": {"T": "x/${ref:Dataset/people & co.id}", "S": MASKED},
        },
        "Dataset/people & co": {"name": "people & co"},
        "EventStream/calls": {"name": "calls", "actionRef": "find"},
        "EventStream/gone": {"name": "gone", "actionRef": "(nothing with the id x9)"},
    }
    assert side.edges[Key("EventStream", "calls")] == (Key("DataAction", "find"),)
    assert side.secrets == {(Key("DataAction", "find"), "environment.S")}
    assert side.twice == set()


def test_names_that_several_bear() -> None:
    side = live_side(
        KINDS, {"Dataset": [_live("Dataset", "1", "a"), _live("Dataset", "2", "a"), _live("Dataset", "3", "b")]}
    )
    assert side.twice == {Key("Dataset", "a")}


def test_every_reference_is_an_edge_and_secrets_are_found_at_any_depth() -> None:
    kind = replace(
        THING,
        secret_maps=(SecretMap("access.keys", frozenset({"user"})), SecretMap("access.vars", None)),
    )
    keys = {"user": "ann", "token": "********"}
    observed = {
        "Gadget": [
            _live("Gadget", "1", "a", firstId="2", secondId="1", access={"keys": keys}),
            _live("Gadget", "2", "b", secondId="3", access="none", vars={"A": "x/gadget-00001"}),
            _live("Gadget", "3", "c", firstId="9", secondId="2", access={"keys": "none"}),
            _live("Gadget", "gadget-00001", "d"),
        ]
    }
    side = live_side({"Gadget": kind}, observed)
    a, b, c = (Key("Gadget", name) for name in "abc")
    assert side.edges == {a: (b, a), b: (c,), c: (b,), Key("Gadget", "d"): ()}
    assert side.secrets == {(a, "access.keys.token")}
    assert side.stated[a].fields["secondRef"] == "a"
    assert side.stated[b].fields["vars"] == {"A": "x/gadget-00001"}
