"""The shortcut: where the ETag is the one under which the ledger's fields were seen, git and ledger alone decide."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.core.matching import Match
from reconciler.core.settled import settled
from reconciler.core.values import Secret, Unknown
from tests.support.kinds import KINDS, fingerprint
from tests.support.planning import W, entry, live, want


def token(value: str, reference: str = "env:TOKEN") -> Secret:
    return Secret(reference, value)


def sealed(value: str, reference: str = "env:TOKEN") -> Secret:
    return Secret(reference, fingerprint=fingerprint(token(value)))


def quick(field: Any, base: Any, *, shown: Any = "not looked at", etag: str = "") -> bool:
    """Whether ``field`` is settled where the ledger has ``base`` and the tenant ``shown``, which the ETag vouches for."""
    there = live(W, description=shown)
    known = replace(entry(W, description=base), etag=etag or there.etag)
    item = Match(want(W, description=field), known, there)
    return settled(KINDS["Widget"], item, lambda ref: f"id-{ref.name}", fingerprint, force_secrets=False)


ALIKE: list[tuple[Any, Any]] = [
    ("text", "text"),
    (7, 7),
    (2.0, 2),
    (None, None),
    ({"a": "x", "b": [1, {"c": "y"}]}, {"a": "x", "b": [1, {"c": "y"}]}),
    ([], []),
    ({}, {}),
    (token("t"), sealed("t")),
    ({"deep": [token("t")]}, {"deep": [sealed("t")]}),
    (Unknown("Gadget", "g", "id"), "id-g"),
]


@pytest.mark.parametrize(("field", "base"), ALIKE)
def test_what_git_and_ledger_say_alike_is_settled_without_a_look_at_the_tenant(field: Any, base: Any) -> None:
    assert quick(field, base)


@pytest.mark.parametrize(("field", "base"), ALIKE)
def test_under_another_etag_the_tenant_is_looked_at(field: Any, base: Any) -> None:
    assert not quick(field, base, etag="another")


@pytest.mark.parametrize(
    ("field", "base"),
    [
        ("text", "other"),
        ("text", 7),
        (7, "7"),
        (1, True),
        (None, "text"),
        ({"a": "x"}, {"a": "y"}),
        ({"a": 1}, {"a": 2}),
        ({"a": "x"}, {"b": "x"}),
        ({"a": "x", "b": "y"}, {"a": "x"}),
        ({"a": "x"}, {"a": "x", "b": "y"}),
        ({"a": {"b": "x"}}, {"a": {"b": "y"}}),
        ({"a": "x"}, ["a"]),
        ([1, 2], [1]),
        ([1], [1, 2]),
        ([1, 2], [2, 1]),
        ([{"a": "x"}], [{"a": "y"}]),
        ([1], {"0": 1}),
        (Unknown("Gadget", "g", "id"), "id-h"),
    ],
)
def test_any_difference_is_seen(field: Any, base: Any) -> None:
    assert not quick(field, base, shown=base)


@pytest.mark.parametrize(
    ("field", "base"),
    [
        (token("new"), sealed("old")),
        (token("t"), sealed("t", "env:OTHER")),
        (token("t"), Secret("env:TOKEN")),
        (token("t"), "t"),
        ({"deep": [token("new")]}, {"deep": [sealed("old")]}),
    ],
)
def test_so_is_a_secret_that_may_have_rotated(field: Any, base: Any) -> None:
    assert not quick(field, base)
