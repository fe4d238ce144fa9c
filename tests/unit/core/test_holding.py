"""Recognising one's own write in what is live."""

from typing import Any

import pytest

from reconciler.core.holding import hides, holds, only_secrets
from reconciler.core.values import MASKED, Secret
from reconciler.kinds import load_kinds

KINDS = load_kinds()
CONNECTOR = {"name": "crm", "description": "", "syncSettings": {"batchSize": 500, "retryAttempts": 9}, "mappings": []}


@pytest.mark.parametrize(
    ("wanted", "ours"),
    [
        ({"name": "crm"}, True),
        ({"name": "other"}, False),
        ({"name": "crm", "description": None}, True),
        ({"syncSettings": {"batchSize": None}}, True),
        ({"syncSettings": {"retryAttempts": None}}, False),
        ({"syncSettings": {"retryAttempts": 9, "batchSize": None}}, True),
        ({"mappings": None}, True),
        ({"name": None}, False),
        ({"nothing": None}, True),
        ({"mappings": [{"cxoneField": "a"}]}, False),
    ],
)
def test_what_a_patch_set_and_cleared_is_seen(wanted: dict[str, Any], ours: bool) -> None:
    assert holds(KINDS["Connector"], wanted, CONNECTOR, whole=False) is ours


def test_a_patch_names_some_items_of_a_map_and_a_create_all() -> None:
    live = {"columns": {"id": {"type": "string"}, "age": {"type": "number"}}}
    wanted = {"columns": {"age": {"type": "number"}}}
    assert holds(KINDS["Dataset"], wanted, live, whole=False)
    assert not holds(KINDS["Dataset"], wanted, live, whole=True)


def test_secrets_count_as_set() -> None:
    secret = Secret("secret:env:A", "value", "mark")
    wanted = {"authentication": {"credentials": {"password": secret}}}
    live = {"authentication": {"credentials": {"password": MASKED}}}
    assert holds(KINDS["Connector"], wanted, live, whole=False)
    assert only_secrets(wanted)
    assert not only_secrets({**wanted, "name": "crm"})
    assert hides(live)
    assert not hides(CONNECTOR)
