"""Sealing: every secret gets its fingerprint, wherever it stands, and nothing else is copied."""

from __future__ import annotations

from reconciler.core.seal import has_secret, seal
from reconciler.core.values import Secret
from tests.support.kinds import fingerprint


def test_secrets_are_sealed_wherever_they_stand() -> None:
    tree = {"a": Secret("env:A", "x"), "b": [1, {"c": Secret("env:B")}], "plain": {"d": [1]}}
    found = seal(tree, fingerprint)
    assert found["a"].fingerprint == fingerprint(Secret("env:A", "x"))
    assert found["a"].reveal() == "x"
    assert found["b"][1]["c"].fingerprint == ""
    assert found["plain"] is tree["plain"]
    assert tree["a"] == Secret("env:A", "x")
    assert seal("text", fingerprint) == "text"


def test_what_holds_no_secret_is_not_copied() -> None:
    tree = {"a": [1, {"b": None}], "c": "x"}
    assert seal(tree, fingerprint) is tree


def test_secrets_are_found_wherever_they_stand() -> None:
    assert has_secret({"a": [{"b": Secret("env:A")}]})
    assert not has_secret({"a": [{"b": "Secret"}], "c": None})
