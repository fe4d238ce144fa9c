"""Fragments: what they are called, and who comes to refer to them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.core.declare import Declared
from reconciler.core.kind import Fragments
from reconciler.core.labels import MAX_LABEL
from reconciler.core.resource import Key, Observed
from reconciler.core.sharing import share
from tests.support.kinds import GADGET, WIDGET

RULE = Fragments("partRefs", "PartList", "items", "parts")
KINDS = {"Widget": replace(WIDGET, fragments=(RULE,)), "Gadget": replace(GADGET, fragments=(RULE,))}
ITEMS = [{"id": "a", "x": 1}, {"id": "b", "x": 2}]


def using(kind: str, name: str, items: list[Any]) -> Declared:
    return Declared(Key(kind, name), Observed(kind, name, {}), {"parts": items, "size": 1})


def names(*users: str) -> list[str]:
    return [item.key.name for item in share([using("Widget", user, ITEMS) for user in users], KINDS, {}, ())]


@pytest.mark.parametrize(
    ("users", "name"),
    [
        (("emea-crm-1", "emea-crm-2"), "emea-crm-items"),
        (("emea-crm", "emea-crm-2"), "emea-crm-items"),
        (("one", "two"), "shared-items"),
        (("x" * 70 + "-1", "x" * 70 + "-2"), "x" * (MAX_LABEL - len("-items") - 4) + "-items"),
        (("x" * 52 + "-a-1", "x" * 52 + "-a-2"), "x" * 52 + "-items"),
    ],
)
def test_a_fragment_is_called_what_its_users_are(users: tuple[str, ...], name: str) -> None:
    assert names(*users) == [name]


def test_a_name_that_another_has_gets_a_number_and_stays_a_label() -> None:
    first, second = ITEMS, [{"id": "z"}]
    users = [using("Widget", f"crm-{n}", items) for n, items in enumerate((first, second, second, first))]
    found = share(users, KINDS, {}, [Key("PartList", "crm-items")])
    assert [item.key.name for item in found] == ["crm-items-2", "crm-items-3"]
    assert [user.spec for user in users] == [
        {"size": 1, "partRefs": [name]} for name in ("crm-items-2", "crm-items-3", "crm-items-3", "crm-items-2")
    ]
    assert [user.links for user in users] == [[Key("PartList", user.spec["partRefs"][0])] for user in users]


def test_several_kinds_have_fragments_of_their_own() -> None:
    users = [using(kind, f"{kind.lower()}-{n}", ITEMS) for kind in ("Widget", "Gadget") for n in (1, 2)]
    assert [item.key.name for item in share(users, KINDS, {}, ())] == ["gadget-items", "widget-items"]


def test_order_means_nothing_only_where_items_have_keys() -> None:
    keyed = [using("Widget", "crm-1", ITEMS), using("Widget", "crm-2", ITEMS[::-1])]
    assert len(share(keyed, KINDS, {}, ())) == 1
    ordered = [using("Gadget", "crm-1", ITEMS), using("Gadget", "crm-2", ITEMS[::-1])]
    assert share(ordered, KINDS, {}, ()) == []


def test_only_fragments_of_the_right_kind_are_referred_to() -> None:
    user = using("Widget", "crm", ITEMS)
    assert share([user], KINDS, {Key("Other", "a"): {"items": ITEMS}, Key("PartList", "b"): {}}, ()) == []
    assert user.spec["parts"] == ITEMS
    known = {Key("PartList", name): {"items": ITEMS} for name in ("z", "y")}
    assert share([user], KINDS, known, known) == []
    assert (user.spec, user.links) == ({"size": 1, "partRefs": ["y"]}, [Key("PartList", "y")])
