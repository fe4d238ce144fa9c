"""What applying takes, counted by hand."""

from __future__ import annotations

import pytest

from reconciler.core.cost import READ_BACK_LISTS_FROM, cost_of
from reconciler.core.plan import Action, Change, Cost, Step
from reconciler.core.resource import Key, Pin

ONE = (Step("update", {}),)
ETAG = Pin("etag")


def changes(
    count: int, action: Action = "update", *, kind: str = "Dataset", pin: Pin = ETAG, steps: int = 1
) -> list[Change]:
    return [Change(Key(kind, f"n{index}"), action, "n", pin=pin, steps=ONE * steps) for index in range(count)]


@pytest.mark.parametrize(
    ("made", "live", "requests"),
    [
        ([], {}, 0),
        (changes(3, steps=0), {}, 0),
        (changes(1), {"Dataset": 1}, 2),
        (changes(1, steps=2), {"Dataset": 1}, 3),
        (changes(1, pin=Pin("version", "1")), {"Dataset": 1}, 3),
        (changes(1, pin=Pin("compare"), steps=2), {"Dataset": 1}, 5),
        (changes(READ_BACK_LISTS_FROM - 1), {"Dataset": 5000}, 38),
        (changes(READ_BACK_LISTS_FROM), {"Dataset": 20}, 21),
        (changes(READ_BACK_LISTS_FROM), {"Dataset": 1001}, 23),
        (changes(20, "create"), {"Dataset": 480}, 21),
        (changes(21, "create"), {"Dataset": 480}, 23),
        (changes(20, "delete"), {"Dataset": 20}, 21),
        (changes(20, "delete"), {"Dataset": 501}, 21),
        (changes(20, "delete"), {"Dataset": 521}, 22),
        (changes(20), {"Dataset": 490}, 21),
        (changes(3, steps=0, kind="Connector") + changes(1), {"Dataset": 1}, 2),
        (changes(20) + changes(2, kind="Connector"), {"Dataset": 20}, 25),
    ],
)
def test_requests(made: list[Change], live: dict[str, int], requests: int) -> None:
    assert cost_of(made, live, rate=0, page_size=500) == Cost(requests, 0.0)


def test_seconds_at_the_limit() -> None:
    assert cost_of(changes(5), {}, rate=4, page_size=500) == Cost(10, 2.5)
    assert cost_of(changes(5), {}, rate=8, page_size=500) == Cost(10, 1.2)
