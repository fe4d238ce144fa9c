"""Putting on record what was decided, in the order of the source, however batches finish: account, quarantine, checkpoint."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from reconciler.jobs.folder import JobFolder
from reconciler.jobs.ingestion.batches import Batch
from reconciler.jobs.ingestion.checkpoint import Checkpoint
from reconciler.jobs.ingestion.prepare import Prepared
from reconciler.jobs.ingestion.sender import Outcome
from reconciler.jobs.records.quarantine import Quarantine
from reconciler.jobs.report import Account

SAVE_SECONDS: Final = 1.0
"""Seconds between checkpoints."""


@dataclass(slots=True)
class _Open:
    """A chunk that is being sent. ``done`` is as in `Checkpoint`, ``decided`` holds outcomes that wait for earlier ones."""

    prepared: Prepared
    batches: Sequence[Batch]
    done: int
    decided: dict[int, Outcome] = field(default_factory=dict)

    @property
    def pending(self) -> int:
        """Records of it that are not on record yet."""
        waiting = sum(batch.size for batch in self.batches[max(0, self.done - 1) :])
        return waiting + (0 if self.done else len(self.prepared.bad) + self.prepared.left_out)


class Commits:
    """The record of one run. ``checkpoint`` is where it begins: all zero, or where an interrupted run got to."""

    def __init__(self, checkpoint: Checkpoint, quarantine: Quarantine, folder: JobFolder) -> None:
        self.checkpoint = checkpoint
        self._resumed = checkpoint.done
        self._quarantine = quarantine
        self._folder = folder
        self._open: deque[_Open] = deque()
        self._read = checkpoint.read
        self._saved = time.monotonic()

    @property
    def read(self) -> int:
        """Records that were read so far."""
        return self._read

    @property
    def account(self) -> Account:
        """The account so far. Reading, deciding and waiting are counted apart from each other, so that it can fail to add up."""
        now = self.checkpoint
        pending = sum(chunk.pending for chunk in self._open)
        return Account(self._read, now.accepted, now.rejected, now.quarantined, pending)

    def open(self, prepared: Prepared, batches: Sequence[Batch]) -> Sequence[Batch]:
        """Take in the next chunk; gives the batches of it that are still to be sent."""
        done, self._resumed = self._resumed, 0
        self._read += prepared.chunk.records
        self._open.append(_Open(prepared, batches, done))
        self._advance()
        return batches[max(0, done - 1) :]

    def decided(self, outcome: Outcome) -> None:
        """Take in the outcome of a batch."""
        for chunk in self._open:
            if chunk.batches and chunk.batches[0].number <= outcome.batch.number <= chunk.batches[-1].number:
                chunk.decided[outcome.batch.number] = outcome
                break
        self._advance()
        if time.monotonic() - self._saved > SAVE_SECONDS:
            self.save()

    def save(self) -> None:
        """Make the record durable: the quarantine file first, then the checkpoint that vouches for it."""
        self._quarantine.sync()
        self.checkpoint.save(self._folder)
        self._saved = time.monotonic()

    def _advance(self) -> None:
        while self._open:
            chunk = self._open[0]
            if not chunk.done:
                self._note_checks(chunk)
            while chunk.done <= len(chunk.batches):
                outcome = chunk.decided.pop(chunk.batches[chunk.done - 1].number, None)
                if outcome is None:
                    return
                self._note_outcome(chunk, outcome)
            self._open.popleft()
            source, now = chunk.prepared.chunk, self.checkpoint
            self.checkpoint = replace(
                now,
                position=source.end,
                batch=now.batch + len(chunk.batches),
                done=0,
                read=now.read + source.records,
            )

    def _note_checks(self, chunk: _Open) -> None:
        prepared, now = chunk.prepared, self.checkpoint
        count = self._quarantine.add(prepared.bad, by="check")
        chunk.done = 1
        self.checkpoint = replace(
            now,
            done=1,
            quarantined=now.quarantined + count,
            accepted=now.accepted + prepared.left_out,
            left_out=now.left_out + prepared.left_out,
            quarantine=self._quarantine.size,
        )

    def _note_outcome(self, chunk: _Open, outcome: Outcome) -> None:
        now, begin = self.checkpoint, outcome.batch.begin
        refused = [chunk.prepared.source(begin + place, reason) for place, reason in sorted(outcome.rejected)]
        count = self._quarantine.add(refused, by="tenant")
        chunk.done += 1
        self.checkpoint = replace(
            now,
            done=chunk.done,
            accepted=now.accepted + outcome.accepted,
            rejected=now.rejected + count,
            left_out=now.left_out + outcome.left_out,
            quarantine=self._quarantine.size,
        )
