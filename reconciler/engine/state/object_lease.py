"""The lease of a bucket's folder: one object that its holder renews, and that others may take only once it has run out.

Who waits compares the server's time with the time of the last renewal, both from the server's clock, and adds a margin; the
holder counts from before it sent that renewal, by a clock of its own that also runs while the machine sleeps, and stops earlier.
So no two of them believe to hold it at once, however wrong their wall clocks are.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from reconciler.engine.clock import now, parse, stamp
from reconciler.engine.state.holder import Holder, holder_from_json, holder_here, holder_to_json
from reconciler.engine.state.objects import Objects, Taken
from reconciler.engine.state.s3_place import LEASE_SECONDS
from reconciler.engine.state.store import Lease
from reconciler.errors import LeaseLost, LedgerLocked, StorageError

KEY = "lock"
FORMAT_VERSION = 1
_POLL_SECONDS = 1.0
_RENEWALS = 4
"""Attempts to renew in the life of a lease."""

_OWN_SHARE = 0.8
"""The part of a lease that its holder counts on: what is left covers a request that was just sent."""

_JOIN_SECONDS = 5.0
_RESUME = "nothing more was sent; when no other command is running, `reconciler apply --resume`"


def margin_seconds(lease_seconds: float) -> float:
    """What others wait beyond a lease's end: the server tells whole seconds, and its own machines may differ a little."""
    return max(2.0, lease_seconds / 10)


def uptime() -> float:
    """Seconds by a clock that nobody sets and that runs on while the machine sleeps, where the system has one."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)


@dataclass(frozen=True, slots=True)
class Lock:
    """The lock object: ``free``, ``held``, or ``broken`` while its last holder may not know yet.

    ``renewed`` is when, by the server's clock, its holder last had it, and ``seconds`` how long it lasts from then.
    """

    state: str
    holder: Holder
    seconds: float
    renewed: datetime
    etag: str

    @property
    def ends(self) -> datetime:
        """When others may take it, by the server's clock."""
        if self.state == "free":
            return self.renewed
        return self.renewed + timedelta(seconds=self.seconds + margin_seconds(self.seconds))

    def shown(self) -> Holder:
        """Who holds it, with when it ends; whether that is past is judged by this machine's clock, and only for showing."""
        expires, holder = stamp(self.ends), self.holder
        return Holder(
            holder.owner, holder.purpose, holder.since, False, holder.process, holder.run, expires, self.ends < now()
        )


def read_lock(objects: Objects) -> Lock | None:
    """The lock, None where there never was one. One that cannot be read is held by somebody, until it runs out."""
    found = objects.get(KEY)
    if found is None:
        return None
    try:
        data = json.loads(found.data)
        state, seconds = str(data["state"]), float(data["seconds"])
        renewed = parse(data["renewed"]) if state == "broken" else found.modified
    except (ValueError, KeyError, TypeError):
        data, state, seconds, renewed = None, "held", LEASE_SECONDS, found.modified
    return Lock(state, holder_from_json(data, frozen=False), seconds, renewed, found.etag)


def _lock_bytes(state: str, holder: Holder, seconds: float, **more: Any) -> bytes:
    data: Mapping[str, Any] = {
        "format_version": FORMAT_VERSION,
        "state": state,
        **holder_to_json(holder),
        "seconds": seconds,
        "token": secrets.token_hex(8),
        **more,
    }
    return json.dumps(data, indent=1).encode()


class ObjectLease(Lease):
    """Our hold on the lock object, renewed by a thread of its own until `end`."""

    def __init__(self, objects: Objects, holder: Holder, seconds: float) -> None:
        self._objects = objects
        self._holder = holder
        self._seconds = seconds
        self._etag: str = ""
        self._deadline = 0.0
        self._lost = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)

    def take(self, expected: str | None) -> None:
        """Become the holder if the lock is still as it was seen. Raises `Taken` or `StorageError`."""
        begun = uptime()
        data = _lock_bytes("held", self._holder, self._seconds)
        self._etag = self._objects.put(KEY, data, expected)
        self._deadline = begun + self._seconds * _OWN_SHARE
        self._prove(data)
        self._thread.start()

    def _prove(self, data: bytes) -> None:
        """Make sure that the store refuses what must be refused: without that, a lease protects nobody."""
        with suppress(Taken):
            self._objects.put(KEY, data, None)
            raise StorageError(
                f"{self._objects.place} ignores the conditions of writes, so that it cannot hold a shared ledger",
                fix="use a store with conditional writes: S3 has them, and most that are like it in their newer versions",
            )

    def confirm(self) -> None:
        """Look whether it was taken, and whether the last renewal still lasts; nothing is asked of the network."""
        if self._lost:
            raise LeaseLost(self._lost, fix=_RESUME)
        if uptime() >= self._deadline:
            raise LeaseLost(
                f"the lease of {self._objects.place} ran out: it could not be renewed for "
                f"{self._seconds * _OWN_SHARE:.0f} seconds",
                fix=f"look at the network to the bucket; {_RESUME}",
            )

    def end(self) -> None:
        """Give it back. What cannot be given back runs out by itself."""
        self._stop.set()
        self._thread.join(_JOIN_SECONDS)
        if not self._lost and not self._thread.is_alive():
            with suppress(Taken, StorageError):
                self._objects.put(KEY, _lock_bytes("free", self._holder, self._seconds), self._etag, patience=2.0)

    def _keep(self) -> None:
        """Renew it until it is given back or lost."""
        while not self._stop.wait(self._seconds / _RENEWALS) and not self._lost:
            begun = uptime()
            left = self._deadline - begun
            if left <= 0:
                return
            try:
                data = _lock_bytes("held", self._holder, self._seconds)
                self._etag = self._objects.put(KEY, data, self._etag, patience=min(left, self._seconds / _RENEWALS))
                self._deadline = begun + self._seconds * _OWN_SHARE
            except Taken:
                self._lost = f"the lease of {self._objects.place} was taken while this command was running"
                self._lost += self._taker()
            except StorageError:
                continue  # the deadline stands; until then it is tried again

    def _taker(self) -> str:
        with suppress(StorageError):
            lock = read_lock(self._objects)
            if lock is not None and lock.state == "held":
                return f": {lock.holder}"
        return ""


class Waiting:
    """Waits for a lock: knows since when it has been as it is, and asks for the server's time once for each state of it."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._etag = ""
        self._ends = 0.0

    def may_take(self, lock: Lock) -> bool:
        """Whether a lock is free, or has surely run out."""
        if lock.state == "free":
            return True
        if lock.etag != self._etag:
            left = (lock.ends - self._objects.server_time()).total_seconds()
            self._etag, self._ends = lock.etag, uptime() + left
        return uptime() >= self._ends


@contextmanager
def hold(
    objects: Objects, owner: str, purpose: str, timeout: float, seconds: float, allowed: Callable[[], None]
) -> Iterator[Lease]:
    """Hold the folder's lease, waiting up to ``timeout`` seconds; ``allowed`` raises where a freeze forbids it.

    Raises `LedgerLocked` or `StorageError`.
    """
    lease = ObjectLease(objects, holder_here(owner, purpose), seconds)
    _take(objects, lease, timeout)
    try:
        allowed()
        yield lease
    finally:
        lease.end()


def _take(objects: Objects, lease: ObjectLease, timeout: float) -> None:
    deadline, waiting = uptime() + timeout, Waiting(objects)
    while True:
        lock = read_lock(objects)
        if lock is None or waiting.may_take(lock):
            with suppress(Taken):  # somebody else was faster: look who
                lease.take(lock.etag if lock else None)
                return
        elif uptime() >= deadline:
            raise LedgerLocked(f"the ledger is {lock.shown()}", fix=_way_in(lock))
        else:
            time.sleep(max(0.05, min(_POLL_SECONDS, deadline - uptime())))


def _way_in(lock: Lock) -> str:
    if lock.state == "broken":
        return f"its lease was broken and is free from {stamp(lock.ends)} on: give --lock-timeout SECONDS"
    return (
        "wait for it to end, or give --lock-timeout SECONDS; where its machine died, its lease runs out by itself "
        f"at {stamp(lock.ends)}"
    )


def break_lock(objects: Objects) -> Holder | None:
    """Keep the holder from renewing; who comes next waits until what it last renewed has run out."""
    while (lock := read_lock(objects)) is not None and lock.state == "held":
        renewed = lock.renewed.astimezone(UTC).isoformat()
        lapsed = Waiting(objects).may_take(lock)
        state = "free" if lapsed else "broken"
        with suppress(Taken):  # it was renewed or given back meanwhile: look again
            objects.put(KEY, _lock_bytes(state, lock.holder, lock.seconds, renewed=renewed), lock.etag)
            return lock.shown()
    return None
