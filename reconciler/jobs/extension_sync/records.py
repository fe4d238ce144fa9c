"""What is remembered of sync jobs: their states, and the deliveries that were taken, on disk before anybody relies on it."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

import anyio
import anyio.to_thread

from reconciler.errors import StorageError
from reconciler.jobs.extension_sync.signature import Delivery
from reconciler.jobs.extension_sync.status import SyncStatus, completed, merged, read_status
from reconciler.jobs.folder import JobFolder

FILE: Final = "records.json"
_MAX_JOBS: Final = 50
_MAX_DELIVERIES: Final = 1000


class Taken(Enum):
    """What became of a delivery."""

    UNKNOWN = "unknown"
    """No such job: the tenant is told, and may come again."""
    DUPLICATE = "duplicate"
    """It was taken before."""
    IGNORED = "ignored"
    """It is late, or behind what is known."""
    CHANGED = "changed"
    """The job's state is a new one."""


@dataclass(slots=True)
class JobRecord:
    """One sync job. ``settled``: its report was made, so that errors need no longer be kept. ``ended_by``: who told of the end first."""

    extension: str
    state: SyncStatus = field(default_factory=SyncStatus)
    ended_by: str = ""
    settled: bool = False

    def to_json(self) -> dict[str, Any]:
        """As it is stored."""
        return {
            "extensionId": self.extension,
            "state": self.state.to_json(),
            "endedBy": self.ended_by,
            "settled": self.settled,
        }


class SyncRecords:
    """The records of one job manifest. Every change is durable before its method returns, or has not happened."""

    def __init__(self, folder: JobFolder) -> None:
        self._folder = folder
        self._lock = anyio.Lock()
        self._jobs: OrderedDict[str, JobRecord] = OrderedDict()
        self._deliveries: OrderedDict[str, None] = OrderedDict()
        self._changed = anyio.Event()

    @classmethod
    def load(cls, folder: JobFolder) -> SyncRecords:
        """Read what earlier runs stored. Raises `StorageError` where that is damaged."""
        records = cls(folder)
        stored = folder.read_json(FILE)
        if stored is None:
            return records
        try:
            for job, item in stored["jobs"].items():
                records._jobs[job] = JobRecord(
                    item["extensionId"], read_status(item["state"]), item["endedBy"], item["settled"]
                )
            records._deliveries = OrderedDict.fromkeys(stored["deliveries"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StorageError(f"{folder.path / FILE} is damaged", fix="remove it and run the job anew") from error
        return records

    def get(self, job: str) -> JobRecord | None:
        """The record of a sync job; None for one that was never started from here."""
        return self._jobs.get(job)

    def state(self, job: str) -> SyncStatus:
        """The state of a sync job that was added."""
        return self._jobs[job].state

    @property
    def changed(self) -> anyio.Event:
        """Set at the next change of any state."""
        return self._changed

    def wake(self) -> None:
        """Set `changed` though nothing is known to be new: somebody says that it is time to ask."""
        self._changed.set()
        self._changed = anyio.Event()

    async def add(self, job: str, extension: str) -> None:
        """Remember a sync job that the tenant has begun; nothing happens where it is known and under way."""
        async with self._lock:
            known = self._jobs.get(job)
            if known is not None and not known.settled:
                return
            # An id that comes again after its report was made is another job's: the tenant began to count anew.
            others = [(name, item) for name, item in self._jobs.items() if name != job]
            jobs = OrderedDict([*others[1 - _MAX_JOBS :], (job, JobRecord(extension))])
            await self._store(jobs, self._deliveries)

    async def take(self, job: str, said: SyncStatus, delivery: Delivery) -> Taken:
        """Take a delivery whose signature is right. Raises `StorageError`, and then it was not taken."""
        async with self._lock:
            record = self._jobs.get(job)
            if record is None:
                return Taken.UNKNOWN
            if delivery.mark in self._deliveries or (delivery.id and f"id:{delivery.id}" in self._deliveries):
                return Taken.DUPLICATE
            marks = [delivery.mark, *([f"id:{delivery.id}"] if delivery.id else [])]
            deliveries = OrderedDict.fromkeys([*self._deliveries, *marks][-_MAX_DELIVERIES:])
            return await self._merge(job, record, merged(record.state, said), "webhook", deliveries)

    async def learn(self, job: str, said: SyncStatus) -> None:
        """Take the answer to a question. Raises `StorageError`."""
        async with self._lock:
            record = self._jobs[job]
            if record.settled:
                return
            state = completed(record.state, said) if record.state.ended else merged(record.state, said)
            if state is not record.state:
                await self._merge(job, record, state, "poll", self._deliveries)

    async def settle(self, job: str) -> None:
        """Forget a job's errors: its report is made."""
        async with self._lock:
            record = self._jobs[job]
            state = SyncStatus(record.state.status, record.state.total, record.state.processed, record.state.rejected)
            jobs = OrderedDict(self._jobs)
            jobs[job] = JobRecord(record.extension, state, record.ended_by, settled=True)
            await self._store(jobs, self._deliveries)

    async def _merge(
        self, job: str, record: JobRecord, state: SyncStatus, by: str, deliveries: OrderedDict[str, None]
    ) -> Taken:
        ended_by = record.ended_by or (by if state.ended else "")
        jobs = OrderedDict(self._jobs)
        jobs[job] = JobRecord(record.extension, state, ended_by, record.settled)
        await self._store(jobs, deliveries)
        if state is record.state:
            return Taken.IGNORED
        self.wake()
        return Taken.CHANGED

    async def _store(self, jobs: OrderedDict[str, JobRecord], deliveries: OrderedDict[str, None]) -> None:
        """Write, then believe it; what waits for the disk does not hold up the servers."""
        value = {"jobs": {name: item.to_json() for name, item in jobs.items()}, "deliveries": list(deliveries)}
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self._folder.write_json, FILE, value)
            self._jobs, self._deliveries = jobs, deliveries
