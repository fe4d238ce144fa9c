"""Properties of the journal: whatever part of it reached the disk, no durable record is lost and nothing is invented."""

from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.resource import Entry, Key, Pin
from reconciler.engine.state.journal import entry_record, line_of, pin_to_json, replay

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
