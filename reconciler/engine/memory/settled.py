"""What a plan was made from that found nothing to do, so that the next one of the same is known before anything is decoded.

A plan follows from what the manifests mean, the ledger, the values of secrets and the tenant. Where all of these are as they were
when nothing was left to do, nothing is to be done now. A live resource counts as unchanged while its ETag is, as everywhere else;
where any has none, nothing is remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path

from reconciler.core.plan import Header, Plan
from reconciler.core.resource import Observed
from reconciler.core.values import Secret
from reconciler.engine.memory.store import place_of, read, write

_PREFIX = "settled"


@dataclass(frozen=True, slots=True)
class Settled:
    """A plan that found nothing to do.

    ``meaning`` and ``ledger`` (hex) identify what was read, ``seen`` what was observed, secrets included; ``kinds`` are those that
    were listed. The rest is what the plan said.
    """

    meaning: str
    ledger: str
    seen: str
    kinds: tuple[str, ...]
    unchanged: int
    sizes: Mapping[str, int]
    manifests: int

    def plan(self, header: Header) -> Plan:
        """The same plan, made now."""
        return Plan(header, unchanged=self.unchanged, sizes=self.sizes, manifests=self.manifests)


@dataclass(slots=True)
class SettledMemory:
    """What a session may know of an earlier plan, and where it keeps what it finds.

    ``meaning`` and ``ledger`` (hex) identify what this session has read, ``secrets`` are all that the manifests name; ``recalled`` is the
    earlier plan that was made from the same, if there was one.
    """

    cache: Path
    target: str
    meaning: str
    ledger: str
    secrets: tuple[Secret, ...]
    recalled: Settled | None

    def stands(self, observed: Mapping[str, Iterable[Observed]], mark: Callable[[Secret], str]) -> bool:
        """Whether tenant and secrets are what they were when there was nothing to do; ``mark`` makes a secret's fingerprint."""
        return self.recalled is not None and self._seen(observed, mark) == self.recalled.seen

    def keep(self, plan: Plan, observed: Mapping[str, Iterable[Observed]], mark: Callable[[Secret], str]) -> None:
        """Remember the plan of a whole project if it found nothing to do; a folder that cannot be written is no error."""
        if plan.changes or plan.orphans or plan.problems or plan.warnings:
            return
        seen = self._seen(observed, mark)
        if seen is None:
            return
        kinds = tuple(sorted(observed))
        found = Settled(self.meaning, self.ledger, seen, kinds, plan.unchanged, plan.sizes, plan.manifests)
        with suppress(OSError, TypeError):
            write(place_of(self.cache, self.target, _PREFIX), asdict(found), {})

    def _seen(self, observed: Mapping[str, Iterable[Observed]], mark: Callable[[Secret], str]) -> str | None:
        """One digest for all that is live and all secrets; None where a resource has no ETag."""
        states = {kind: sorted([(item.id, item.etag) for item in observed[kind]]) for kind in sorted(observed)}
        if not all(etag for found in states.values() for _, etag in found):
            return None
        marks = [(secret.reference, mark(secret)) for secret in self.secrets]
        return blake2b(repr((states, marks)).encode("utf-8", "surrogatepass"), digest_size=32).hexdigest()


def recall_settled(cache: Path, target: str, meaning: str) -> Settled | None:
    """The last plan of a target that found nothing to do, if its manifests meant the same; None else."""
    stored = read(place_of(cache, target, _PREFIX))
    if stored is None:
        return None
    with suppress(TypeError, LookupError):
        found = Settled(**{**stored.head, "kinds": tuple(stored.head["kinds"])})
        return found if found.meaning == meaning else None
    return None
