"""Filling a tenant with made-up resources: realistic, valid by the kinds' rules, the same for the same seed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from random import Random

from reconciler.emulator.clock import timestamp
from reconciler.emulator.errors import Problem, conflict, invalid
from reconciler.emulator.fields import Doc, Integer, MapOf, Member, Record, Text, optional
from reconciler.emulator.ids import MAX_SEEDED, seeded_id
from reconciler.emulator.kind import Kind, Sampling
from reconciler.emulator.resources import Resources
from reconciler.emulator.store import Store, Written

_COUNT = Integer(0, MAX_SEEDED)
BODY = Record(
    {
        "seed": optional(Integer(0, 2**31 - 1), 1),
        "resources": optional(_COUNT, 0, "in all, shared out over the kinds that are not named"),
        "kinds": Member(MapOf(Text(), _COUNT), default=dict, description="how many of a kind"),
    }
)
"""The body of ``POST /_emulator/seed``."""

AUTHOR = "seed"
_FIRST_CREATED = datetime(2025, 1, 1, tzinfo=UTC).timestamp()
_STEP_SECONDS = 60


def counts(body: Doc, kinds: Mapping[str, Kind]) -> dict[str, int]:
    """Say how many of each kind a seed body asks for.

    Kinds that it names get what it says; what ``resources`` leaves is shared out over the others by their weight.
    Raises the 400 for a body that is not right, an unknown kind included.
    """
    problems: list[Problem] = []
    accepted = BODY.accept(body, "", problems)
    if not problems:
        problems = [Problem(f"kinds.{name}", "is not a known kind") for name in accepted["kinds"] if name not in kinds]
    if problems:
        raise invalid(problems)
    found: dict[str, int] = dict(accepted["kinds"])
    open_kinds = [kind for kind in kinds.values() if kind.name not in found]
    rest = max(0, accepted["resources"] - sum(found.values()))
    weights = sum(kind.share for kind in open_kinds)
    for kind in open_kinds:
        found[kind.name] = rest * kind.share // weights
        rest -= found[kind.name]
        weights -= kind.share
    for kind in open_kinds:
        # A few resources may leave a kind without any of what it refers to: those are made in its place.
        for target in kind.references.values():
            if not found[target] and target not in accepted["kinds"]:
                found[target], found[kind.name] = found[kind.name], 0
    return {name: found[name] for name in kinds}


class Seeder:
    """Makes up resources and writes them in one transaction, which the caller holds."""

    def __init__(self, store: Store, resources: Resources, kinds: Mapping[str, Kind]) -> None:
        self._store = store
        self._resources = resources
        self._kinds = kinds

    def seed(self, body: Doc) -> dict[str, int]:
        """Create what a seed body asks for, and say how many of each kind.

        Raises the 409 ``NAME_EXISTS`` where resources of the same seed are there already, and the 400 for streams
        without an action to refer to.
        """
        wanted = counts(body, self._kinds)
        seed = int(body.get("seed") or BODY.members["seed"].default_value())
        ids = {name: list(collection.order()) for name, collection in self._store.collections.items()}
        for name, count in wanted.items():
            kind = self._kinds[name]
            lacking = [target for target in kind.references.values() if count and not ids[target]]
            if lacking:
                raise invalid([Problem(f"kinds.{name}", f"needs a {lacking[0]} to refer to")])
            made = [self._make(kind, seed, index, ids) for index in range(count)]
            self._store.write(made)
            ids[name].extend(written.row.id for written in made)
        return wanted

    def _make(self, kind: Kind, seed: int, index: int, ids: Mapping[str, list[str]]) -> Written:
        random = Random(f"{seed}:{kind.name}:{index}")  # noqa: S311
        sampling = Sampling(random, index, ids)
        doc = kind.sample(sampling)
        id_ = seeded_id(kind.id_prefix, seed, index)
        collection = self._store.collections[kind.name]
        if collection.named(doc["name"]) is not None or collection.get(id_) is not None:
            text = f"{kind.name} {doc['name']!r} exists; reset first, or take another seed"
            raise conflict("NAME_EXISTS", text, [Problem("name", text)])
        now = timestamp(_FIRST_CREATED + index * _STEP_SECONDS)
        counters = dict(kind.counters) | kind.sample_counters(sampling, doc)
        server = {"createdTime": now, "lastModifiedTime": now, "lastModifiedBy": AUTHOR, **counters}
        return self._resources.prepare(kind, id_, doc, server)
