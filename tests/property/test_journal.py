"""Properties of the journal: whatever part of it reached the disk, no durable record is lost and nothing is invented."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reconciler.core.resource import Entry, Key, Pin
from reconciler.engine.state.journal import entry_record, pin_to_json, replay
from reconciler.engine.state.journal_lines import line_of, line_of_group
from reconciler.errors import LedgerDamaged

NAMES = st.sampled_from(["a", "b", "c"])
KEYS = st.builds(Key, st.just("Dataset"), NAMES)
RECORDS = st.one_of(
    st.builds(
        lambda key, step: {
            "record": "intent",
            "key": str(key),
            "step": step,
            "id": "x",
            "pin": pin_to_json(Pin("etag", "e")),
        },
        KEYS,
        st.integers(0, 2),
    ),
    st.builds(
        lambda key, step, outcome: {
            "record": "outcome",
            "key": str(key),
            "step": step,
            "outcome": outcome,
            "id": "x",
            "pin": pin_to_json(Pin("etag", "e")),
        },
        KEYS,
        st.integers(0, 2),
        st.sampled_from(["applied", "stale", "failed", "unknown"]),
    ),
    st.builds(lambda key: entry_record(key, Entry(key, "x", {"name": key.name}), None), KEYS),
    st.builds(lambda key: {"record": "done", "key": str(key)}, KEYS),
)
HEADER = {"record": "header", "format_version": 1, "run": "r", "plan": {}}


GROUPS = st.lists(st.lists(RECORDS, min_size=1, max_size=4), max_size=6)


@given(GROUPS, st.binary(max_size=60), st.data())
def test_any_torn_end_replays_to_exactly_the_groups_before_it(groups, garbage, data) -> None:
    """A write that a crash interrupted leaves part of its line, or bytes that never were in it, and no more.

    Several lines of which not even the first reads back are no torn one: they are damage, and told as that.
    """
    lines = [line_of(HEADER), *(line_of_group(group) for group in groups)]
    kept = data.draw(st.integers(0, len(lines)))
    part = data.draw(st.integers(0, len(lines[kept]) - 1)) if kept < len(lines) else 0
    torn = data.draw(st.sampled_from([lines[kept][:part] if kept < len(lines) else b"", garbage, b"\0" * part]))
    if kept == 0 and torn.count(b"\n") > 1:
        with pytest.raises(LedgerDamaged):
            replay(torn)
        return
    state = replay(b"".join(lines[:kept]) + torn)
    assert state == replay(b"".join(lines[:kept]))
    assert (state is None) == (kept == 0)
    if state is not None:
        durable = [record for group in groups[: kept - 1] for record in group]
        assert len(state.entries) == sum(1 for record in durable if record["record"] == "entry")


@given(GROUPS.filter(bool), st.data())
def test_any_damage_before_the_last_line_is_an_error(groups, data) -> None:
    lines = [line_of(HEADER), *(line_of_group(group) for group in groups)]
    index = data.draw(st.integers(0, len(lines) - 2))
    place = data.draw(st.integers(0, len(lines[index]) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != lines[index][place]))
    # The checksum is hexadecimal: its letters count as the same in either case.
    assume(chr(byte).lower() != chr(lines[index][place]).lower() or place > 8)
    lines[index] = lines[index][:place] + bytes([byte]) + lines[index][place + 1 :]
    if index == len(lines) - 2 and place == len(lines[index]) - 1:
        return  # The newline between the last two lines: what is left looks like one torn line.
    with pytest.raises(LedgerDamaged):
        replay(b"".join(lines))


@given(st.lists(RECORDS, max_size=12), st.data())
def test_any_prefix_replays_to_exactly_its_whole_lines(records, data) -> None:
    lines = [line_of(record) for record in [HEADER, *records]]
    whole = b"".join(lines)
    cut = data.draw(st.integers(0, len(whole)))
    state = replay(whole[:cut])
    kept, size = 0, 0
    for line in lines:
        if size + len(line) > cut:
            break
        size += len(line)
        kept += 1
    if kept == 0:
        assert state is None
        return
    assert state is not None
    durable = records[: kept - 1]
    assert len(state.entries) == sum(1 for record in durable if record["record"] == "entry")
    assert state.done == {Key.parse(record["key"]) for record in durable if record["record"] == "done"}
    steps = {}
    for record in durable:
        if record["record"] in ("intent", "outcome"):
            steps[record["key"]] = (record["step"], record.get("outcome"))
    assert {str(key): (step.index, step.outcome) for key, step in state.steps.items()} == steps
