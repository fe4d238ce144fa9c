"""The account adds up at every moment, whatever the order in which batches end, and a run goes on from any of its checkpoints."""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.resource import Key
from reconciler.jobs.folder import JobFolder
from reconciler.jobs.ingestion.batches import Batch
from reconciler.jobs.ingestion.checkpoint import Checkpoint, load_checkpoint
from reconciler.jobs.ingestion.commits import Commits
from reconciler.jobs.ingestion.prepare import Prepared
from reconciler.jobs.ingestion.sender import Outcome
from reconciler.jobs.records.quarantine import Quarantine
from reconciler.jobs.records.readers.chunk import BadRecord, Chunk, Position
from reconciler.jobs.report import Account
from tests.support.ingestion import lines_of

Plan = list[tuple[int, int, list[tuple[int, int]]]]
"""Chunks: bad records, records left out, batches as (accepted, rejected)."""

plans: st.SearchStrategy[Plan] = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.integers(0, 2),
        st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)).filter(lambda pair: sum(pair) > 0), max_size=4),
    ),
    min_size=1,
    max_size=5,
)


def _chunk(number: int, plan: tuple[int, int, list[tuple[int, int]]], first: int) -> tuple[Prepared, list[Batch]]:
    bad, left_out, sizes = plan
    good = sum(map(sum, sizes))
    frame = pl.DataFrame({"id": [f"{number}-{index}" for index in range(good + left_out)]})
    rows = pl.int_range(1, frame.height + 1, dtype=pl.UInt64, eager=True)
    wrong = [BadRecord(index + 1, f"bad {number}-{index}") for index in range(bad)]
    begin, end = Position(number), Position(number + 1)
    chunk = Chunk(f"{number}", begin, end, frame, rows, lambda index: frame.row(index, named=True), wrong)
    prepared = Prepared(chunk, frame.head(good), pl.int_range(good, dtype=pl.UInt32, eager=True), wrong, left_out)
    batches, start = [], 0
    for index, pair in enumerate(sizes):
        batches.append(Batch(first + index, prepared, start, sum(pair), b"", ""))
        start += sum(pair)
    return prepared, batches


def _outcome(batch: Batch, pair: tuple[int, int]) -> Outcome:
    accepted, rejected = pair
    return Outcome(batch, accepted, rejected=[(place, "refused") for place in range(rejected)])


def _run(
    plan: Plan, folder: JobFolder, checkpoint: Checkpoint, steps: int, chooser: st.DataObject, *, whole: bool
) -> Account:
    """Open the chunks from a checkpoint on and let so many batches end, in any order; gives the account.

    Unless it is the ``whole`` rest, it may end before all chunks are read.
    """
    with closing(Quarantine(folder.path / "q.ndjson", keep=checkpoint.quarantine)) as quarantine:
        commits = Commits(checkpoint, quarantine, folder)
        waiting: list[Outcome] = []
        first = checkpoint.batch
        for number in range(checkpoint.position.file, len(plan)):
            prepared, batches = _chunk(number, plan[number], first)
            pairs = dict(zip((batch.number for batch in batches), plan[number][2], strict=True))
            waiting += [_outcome(batch, pairs[batch.number]) for batch in commits.open(prepared, batches)]
            first += len(batches)
            assert commits.account.balanced
            if not whole and chooser.draw(st.booleans()):
                break
            while steps and waiting and chooser.draw(st.booleans()):
                commits.decided(waiting.pop(chooser.draw(st.integers(0, len(waiting) - 1))))
                assert commits.account.balanced
                steps -= 1
        while steps and waiting:
            commits.decided(waiting.pop(chooser.draw(st.integers(0, len(waiting) - 1))))
            assert commits.account.balanced
            steps -= 1
        commits.save()
        quarantine.add([BadRecord(0, "written after the checkpoint, before the crash")], by="check")
        return commits.account


@given(plans, st.lists(st.integers(0, 4), max_size=3), st.data())
def test_an_account_in_pieces_is_the_account_of_the_whole(plan: Plan, pieces: list[int], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as root:
        folder = JobFolder(Path(root), "local", Key("Ingestion", "load"))
        folder.make()
        checkpoint = Checkpoint("run", "now", {})
        for steps in pieces:
            _run(plan, folder, checkpoint, steps, data, whole=False)
            found = load_checkpoint(folder)
            assert found is not None
            checkpoint = found
        account = _run(plan, folder, checkpoint, 1000, data, whole=True)
        bad = sum(item[0] for item in plan)
        left_out = sum(item[1] for item in plan)
        accepted = sum(pair[0] for item in plan for pair in item[2]) + left_out
        rejected = sum(pair[1] for item in plan for pair in item[2])
        assert account == Account(bad + accepted + rejected, accepted, rejected, bad, 0)
        reasons = [item["reason"] for item in lines_of(folder.path / "q.ndjson")][:-1]
        assert len(reasons) == bad + rejected
        named = [reason for reason in reasons if reason != "refused"]
        assert named == [f"bad {number}-{index}" for number, item in enumerate(plan) for index in range(item[0])]
