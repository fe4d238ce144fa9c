"""A process that dies at a chosen one of all the points that it passes, and takes nothing with it but what was written."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from reconciler.engine.state.holder import Holder
from reconciler.engine.state.objects import Listed, Objects, Stored
from reconciler.engine.state.store import Blob, Lease, StateStore
from reconciler.errors import StorageError


class Crash(BaseException):
    """The process is gone. Nothing may catch this and go on."""


@dataclass
class Fate:
    """All points that a process passes, in their order, and the one at which it dies (None: it lives).

    ``drops`` counts the writes whose answers get lost on the way back, by their ordinal among all that were carried out.
    A process writes in a thread while its requests go on in another: ``writing`` lets each write to the store happen wholly
    before or wholly after the death, so that what ``at_death`` looks at is a moment that there really was.
    """

    at: int | None = None
    drops: frozenset[int] = frozenset()
    passed: list[str] = field(default_factory=list)
    dead: bool = False
    at_death: Callable[[], None] = lambda: None
    answered: int = 0
    writing: Any = field(default_factory=threading.RLock, repr=False)

    def point(self, what: str) -> None:
        """Pass a point, or die there; who is dead can do nothing at all."""
        if self.ends_here(what):
            self.die()

    def ends_here(self, what: str) -> bool:
        """Pass a point; whether it is the one to die at, for those who have something to spoil first."""
        with self.writing:
            if self.dead:
                raise Crash
            self.passed.append(what)
            return len(self.passed) - 1 == self.at

    def die(self) -> None:
        with self.writing:
            self.dead = True
            self.at_death()
        raise Crash

    def around(self, words: str, done: bool) -> None:
        """What a wire asks before and after each request."""
        self.point(f"{'after' if done else 'before'} {words}")
        if done and not words.startswith(("GET", "HEAD")) and "/token" not in words:
            self.answered += 1
            if self.answered - 1 in self.drops:
                raise ConnectionResetError("the answer was lost")


class CrashingStore(StateStore):
    """A store that may stop before, in the middle of, and after each of its writes."""

    def __init__(self, inner: StateStore, fate: Fate) -> None:
        self._inner = inner
        self._fate = fate

    def _write(self, what: str, work: Callable[[], Any]) -> Any:
        self._fate.point(f"before {what}")
        with self._fate.writing:
            if self._fate.dead:
                raise Crash
            found = work()
        self._fate.point(f"after {what}")
        return found

    def read(self, name: str) -> Blob | None:
        return self._inner.read(name)

    def write(self, name: str, data: bytes, expected: str | None) -> str:
        return str(self._write(f"write {name}", lambda: self._inner.write(name, data, expected)))

    def append(self, name: str, data: bytes) -> None:
        with self._fate.writing:
            if self._fate.ends_here(f"within append {name}"):
                self._inner.append(name, data[: len(data) // 2])
                self._fate.die()
        self._write(f"append {name}", lambda: self._inner.append(name, data))

    def read_log(self, name: str) -> bytes:
        return self._inner.read_log(name)

    def read_end(self, name: str, size: int) -> bytes:
        return self._inner.read_end(name, size)

    def size(self, name: str) -> int:
        return self._inner.size(name)

    def rotate(self, name: str) -> None:
        self._write(f"rotate {name}", lambda: self._inner.rotate(name))

    def parts(self, name: str) -> list[str]:
        return self._inner.parts(name)

    def rewrite_log(self, name: str, data: bytes) -> None:
        self._write(f"rewrite {name}", lambda: self._inner.rewrite_log(name, data))

    def delete(self, name: str) -> None:
        self._write(f"delete {name}", lambda: self._inner.delete(name))

    @contextmanager
    def lease(self, owner: str, purpose: str, timeout: float) -> Iterator[Lease]:
        with self._inner.lease(owner, purpose, timeout) as lease:
            yield lease

    def holder(self) -> Holder | None:
        return self._inner.holder()

    def break_lease(self) -> Holder | None:
        return self._inner.break_lease()

    def freeze(self, holder: Holder) -> None:
        self._inner.freeze(holder)

    def thaw(self) -> Holder | None:
        return self._inner.thaw()


class CrashingObjects(Objects):
    """Objects whose writer may stop before and after each write but those of its lease, which go on in a thread of their own."""

    def __init__(self, inner: Objects, fate: Fate) -> None:
        super().__init__(inner._store, inner.place)
        self._fate = fate

    def put(self, key: str, data: bytes, expected: str | None, *, patience: float = 30.0) -> str:
        if key == "lock":
            if self._fate.dead:
                raise StorageError("who is dead renews nothing")
            return super().put(key, data, expected, patience=patience)
        self._fate.point(f"before put {key}")
        etag = super().put(key, data, expected, patience=patience)
        self._fate.point(f"after put {key}")
        return etag

    def delete(self, keys: Iterable[str]) -> None:
        wanted = list(keys)
        self._fate.point(f"before delete {wanted}")
        super().delete(wanted)
        self._fate.point(f"after delete {wanted}")

    def get(self, key: str) -> Stored | None:
        if self._fate.dead and key != "lock":
            raise Crash
        return super().get(key)

    def list(self, prefix: str) -> Sequence[Listed]:  # type: ignore[override]
        if self._fate.dead:
            raise Crash
        return super().list(prefix)
