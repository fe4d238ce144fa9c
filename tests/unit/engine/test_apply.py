"""The order of changes, and who is told that only its turn is missing."""

from __future__ import annotations

import anyio
import pytest

from reconciler.core.plan import Change
from reconciler.core.resource import Key, Pin
from reconciler.engine.apply import Stop, apply_changes
from reconciler.engine.perform import Settled


def change(name: str, *after: str) -> Change:
    return Change(Key("Dataset", name), "create", name, after=tuple(Key("Dataset", other) for other in after))


@pytest.mark.parametrize("parallelism", [1, 3])
def test_what_waits_for_a_failed_change_is_never_ready(parallelism: int) -> None:
    changes = [change("a"), change("b", "a"), change("c", "b"), change("d"), change("e", "d")]
    ready: list[str] = []

    async def perform(one: Change) -> Settled:
        assert one.key.name in ready
        return Settled("failed" if one.key.name == "a" else "applied", "", Pin("absent"))

    async def work() -> list[str]:
        results = await apply_changes(
            changes,
            perform,
            parallelism=parallelism,
            stop=Stop(),
            listen=lambda _: None,
            ready=lambda one: ready.append(one.key.name),
        )
        return [f"{item.key.name} {item.outcome}" for item in results]

    assert anyio.run(work) == ["a failed", "b skipped", "c skipped", "d applied", "e applied"]
    assert ready == ["a", "d", "e"]


def test_nothing_to_do_ends_at_once() -> None:
    async def work() -> int:
        async def perform(_: Change) -> Settled:
            raise AssertionError

        nobody = lambda _: None  # noqa: E731
        return len(await apply_changes([], perform, parallelism=5, stop=Stop(), listen=nobody, ready=nobody))

    assert anyio.run(work) == 0
