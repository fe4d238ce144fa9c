"""Every kind's description: what it makes up passes its own rules, and what it refuses."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema_rs import Draft202012Validator

from reconciler.emulator.errors import Problem
from reconciler.emulator.kind import Blob, Kind, Sampling
from reconciler.emulator.kinds import all_kinds

KINDS = all_kinds()
IDS = {name: ["id0", "id1"] for name in KINDS}


def sampled(kind: Kind, seed: int) -> dict[str, Any]:
    return kind.sample(Sampling(Random(seed), seed, IDS))


def test_the_contract_kinds_are_found_with_referred_ones_first() -> None:
    assert set(KINDS) == {"Connector", "Dataset", "DataExtension", "DataAction", "EventStream"}
    order = list(KINDS)
    for kind in KINDS.values():
        assert all(order.index(target) < order.index(kind.name) for target in kind.references.values())


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
@given(seed=st.integers(0, 10**6))
def test_samples_are_valid_and_in_normal_form(kind: Kind, seed: int) -> None:
    doc = sampled(kind, seed)
    problems: list[Problem] = []
    assert kind.record.accept(doc, "", problems) == doc
    assert problems == []
    assert kind.check(doc) == []


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_samples_meet_the_published_schema(kind: Kind) -> None:
    validator = Draft202012Validator(kind.body.schema())
    for seed in range(30):
        doc = sampled(kind, seed)
        if kind.blob_field:
            doc[kind.blob_field] = "UEsFBg=="
        assert validator.is_valid(doc)


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
@given(data=st.data())
def test_the_published_schema_refuses_whatever_the_types_refuse(kind: Kind, data: st.DataObject) -> None:
    """Spoil one member of a sample: the checks and the JSON Schema must judge it alike."""
    doc = sampled(kind, data.draw(st.integers(0, 50)))
    name = data.draw(st.sampled_from(sorted(kind.record.members)))
    value = data.draw(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.lists(st.text())
    )
    if name == kind.blob_field and isinstance(value, str):
        return
    problems: list[Problem] = []
    kind.body.accept(doc | {name: value}, "", problems)
    if kind.blob_field and name != kind.blob_field:
        doc[kind.blob_field] = "UEsFBg=="
    assert Draft202012Validator(kind.body.schema()).is_valid(doc | {name: value}) == (problems == [])


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_what_is_read_back_shows_no_write_only_value(kind: Kind) -> None:
    for seed in range(30):
        doc = sampled(kind, seed)
        shown = repr(kind.present(doc))
        for secret in secrets_of(doc):
            assert secret not in shown


def secrets_of(doc: dict[str, Any]) -> list[str]:
    credentials = doc.get("authentication", {}).get("credentials", {})
    found = [value for key, value in credentials.items() if key in {"password", "clientSecret", "apiKey"}]
    return found + [value["value"] for value in doc.get("environment", {}).values() if isinstance(value, dict)]


def test_blobs_are_the_same_whether_their_bytes_are_at_hand() -> None:
    blob = Blob.of(b"abc")
    assert blob == Blob(blob.sha256, 3)
    assert b"abc" not in repr(blob).encode()
