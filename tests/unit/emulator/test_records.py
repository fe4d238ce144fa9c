"""Records in the state: two processes' worth of writers on one file agree with a plain dictionary."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from reconciler.emulator.records import Records
from reconciler.emulator.store import Store

KEYS = st.lists(st.sampled_from("abcd"), unique=True, max_size=2)
ACTIONS = st.sampled_from([*["write"] * 8, "fail", "replace"])
STEPS = st.lists(st.tuples(st.integers(0, 1), ACTIONS, KEYS, KEYS), min_size=5, max_size=15)


class Model:
    """Two stores on one file, and what they ought to hold."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.stores = [self.opened(), self.opened()]
        self.expected: dict[str, bytes] = {}
        self._written = 0

    def opened(self) -> tuple[Store, Records]:
        store = Store(self.path, [], show_etags=True)
        return store, Records(store)

    def step(self, side: int, action: str, keys: list[str], dropped: list[str]) -> None:
        store, records = self.stores[side]
        self._written += 1
        new = {key: b'"%b%d"' % (key.encode(), self._written) for key in keys}
        if action == "replace":
            with store.transaction():
                records.write("staged", keys, list(new.values()))
            with store.transaction():
                records.move("staged", "x")
            self.expected = new
            return
        after = {key: line for key, line in self.expected.items() if key not in dropped} | new
        with suppress(LookupError), store.transaction():
            assert records.write("x", keys, list(new.values()), dropped) == len(after) - len(self.expected)
            if action == "fail":
                raise LookupError
            self.expected = after

    def check(self, records: Records) -> None:
        assert dict(records.all("x")) == self.expected
        assert records.read("x", list("abcd")) == self.expected
        assert len(records.shelf("x")) == len(self.expected)
        assert list(records.all("staged")) == []


@settings(max_examples=40, deadline=None)
@given(STEPS)
@example([(0, "write", ["a", "b"], []), (0, "write", ["c"], ["a"]), (0, "write", ["c"], [])])
def test_two_stores_agree_with_a_dictionary(steps: list[tuple[int, str, list[str], list[str]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        model = Model(Path(folder) / "state.db")
        for step in steps:
            model.step(*step)
            late = model.opened()
            for _, records in (*model.stores, late):
                model.check(records)
            late[0].close()
        for store, _ in model.stores:
            store.close()


def test_batches_that_hold_nothing_alive_are_gone() -> None:
    store = Store(None, [], show_etags=True)
    records = Records(store)
    for _ in range(5):
        for keys in (["a", "b"], ["c"]):
            with store.transaction():
                records.write("x", keys, [b"1"] * len(keys))
    assert store.connection.execute("SELECT count(*) FROM batches").fetchone()[0] == 2
    with store.transaction():
        records.write("x", ["b"], [b"2"])
    assert store.connection.execute("SELECT count(*) FROM batches").fetchone()[0] == 3
    assert dict(records.all("x")) == {"a": b"1", "b": b"2", "c": b"1"}
    store.close()
