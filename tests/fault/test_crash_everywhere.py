"""A process dies at every point of an apply; another one resumes, and nobody can tell the difference afterwards.

The points are those before, within and after each durable write, and those before and after each request, with its answer lost
on the way or not. The witness is the tenant itself: what each request changed in it.
"""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from reconciler.engine.state.audit import read_audit, verify
from reconciler.engine.state.file_store import FileStore
from reconciler.engine.state.journal import open_journal
from reconciler.engine.state.ledger import load_ledger
from reconciler.engine.state.object_store import ObjectStore
from reconciler.engine.state.store import StateStore
from tests.support.bucket import Bucket, BucketServer
from tests.support.crashing import Crash, CrashingObjects, CrashingStore, Fate
from tests.support.generated_projects import Specs, projects
from tests.support.profile import ACCEPTANCE
from tests.support.project import manifest
from tests.support.tenant_project import action, connector, dataset, stream
from tests.support.worlds import (
    Bound,
    Effect,
    Shelf,
    TenantServer,
    Wire,
    apply_fresh,
    entries,
    plan,
    resume,
    session,
    unsynced,
)

CASES = 7
"""Points at which each transition is cut in an ordinary run; all of them in acceptance."""

SHARED_CASES = 48 if ACCEPTANCE else 3
"""The same for ledgers in a bucket, where each takes longer."""

Documents = list[dict[str, Any]]
Effects = Counter[Effect]


def extension(name: str, /, **changes: Any) -> dict[str, Any]:
    metadata = changes.pop("metadata", {})
    fields = [{"name": "id", "type": "string"}]
    return manifest("DataExtension", name, {"fields": fields, **changes}, **metadata)


REFERENCE = {"CRM": "${ref:Connector/crm.id}", "KEY": "${secret:env:SECRET_ONE}"}
MOVED = {"metadata": {"movedFrom": "Dataset/people"}}
TRANSITIONS: dict[str, tuple[Documents, Documents]] = {
    "creates": (
        [],
        [connector("crm"), action("enrich", environment=REFERENCE), stream("calls", "enrich"), dataset("beside")],
    ),
    "updates": (
        [connector("crm"), dataset("people"), extension("extra", storageLimitMb=10)],
        [
            connector("crm", description="second", version="1.1.0"),
            dataset("people", columns={"id": "string", "mail": "string"}),
            extension("extra", storageLimitMb=20),
        ],
    ),
    "renames": (
        [dataset("people"), connector("crm")],
        [dataset("persons", **MOVED), dataset("others", name="people"), connector("crm", name="The CRM")],
    ),
    "lifecycle": (
        [connector("crm", lifecycleStatus="DRAFT"), connector("old")],
        [connector("crm", endpointUrl="https://crm.example.com/v2"), connector("old", lifecycleStatus="INACTIVE")],
    ),
    "deletes": (
        [connector("crm"), action("enrich", environment=REFERENCE), stream("calls", "enrich"), dataset("people")],
        [connector("crm")],
    ),
    "rotation": (
        [connector("crm"), action("enrich", environment=REFERENCE), dataset("people")],
        [connector("crm"), action("enrich", environment=REFERENCE), dataset("people")],
    ),
    "everything": (
        [connector("crm"), action("enrich", environment=REFERENCE), stream("calls", "enrich"), dataset("people")],
        [
            connector("crm", description="second", lifecycleStatus="INACTIVE"),
            action("enrich", environment={**REFERENCE, "NEW": "1"}),
            extension("new"),
            dataset("persons", description="moved", **MOVED),
        ],
    ),
}
"""From what is applied to what is then declared; the secret changes with it."""


@dataclass
class Transition:
    """Two states of a project, the tenant and ledger of the first one, and what an undisturbed apply makes of them."""

    shelf: Shelf
    before: Documents
    after: Documents
    parallelism: int = 1
    server: TenantServer = field(init=False)
    folder: Path = field(init=False)
    bound: Bound = field(init=False)
    elsewhere: Bound = field(init=False)
    points: list[str] = field(init=False)
    writes: int = field(init=False)
    effects: Effects = field(init=False)
    content: Any = field(init=False)
    entries: Any = field(init=False)

    def __post_init__(self) -> None:
        self.server, self.folder = TenantServer(), self.shelf.folder()
        if self.before:
            first = self.shelf.bound(self.before)
            done = apply_fresh(session(first.workspace, FileStore(self.folder), Wire(self.server), first.environ))
            assert {item.outcome for item in done.results} <= {"applied"}
        secret = {"SECRET_ONE": "second-secret-value"} if self.before else {}
        self.bound = self.shelf.bound(self.after, **secret)
        # Whoever resumes has other manifests by then, in another folder: they must not matter.
        self.elsewhere = self.shelf.bound([*self.after, dataset("unreviewed")], **secret)
        self._undisturbed()

    def _undisturbed(self) -> None:
        world = World(self, FileStore(self.shelf.folder(self.folder)))
        fate = Fate()
        world.run(fate, CrashingStore(world.store, fate))
        self.points, self.writes, self.effects = fate.passed, fate.answered, Counter(world.effects)
        self.content, self.entries = world.server.content(), entries(world.store, world.server)
        assert self.effects, "a transition that changes nothing shows nothing"
        world.server.close()


@dataclass
class World:
    """A copy of a transition's beginning: its tenant, and a store with its ledger."""

    transition: Transition
    store: StateStore
    server: TenantServer = field(init=False)
    effects: list[Effect] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.server = TenantServer(self.transition.server)

    def run(self, fate: Fate, store: StateStore, *, elsewhere: bool = False) -> None:
        """One process: applies, or goes on where a journal is open."""
        bound = self.transition.elsewhere if elsewhere else self.transition.bound
        wire = Wire(self.server, fate.around)
        try:
            if open_journal(store) is not None:
                done = resume(
                    session(bound.workspace, store, wire, bound.environ), parallelism=self.transition.parallelism
                )
            else:
                bound = self.transition.bound
                done = apply_fresh(
                    session(bound.workspace, store, wire, bound.environ), parallelism=self.transition.parallelism
                )
            assert [(str(item.key), item.message) for item in done.results if item.outcome != "applied"] == []
            assert done.diverged == ()
        finally:
            self.effects += wire.effects

    def check(self) -> None:
        """All is as if nothing had happened."""
        transition = self.transition
        assert self.server.content() == transition.content
        assert entries(self.store, self.server) == transition.entries
        twice = Counter(self.effects) - transition.effects
        assert not twice, f"applied twice: {twice}"
        assert Counter(self.effects) == transition.effects
        bound = transition.bound
        again = plan(session(bound.workspace, self.store, Wire(self.server), bound.environ))
        assert again.changes == ()
        ledger = load_ledger(self.store, stack=bound.workspace.project.stack, target=bound.workspace.target.url)
        records, problems = read_audit(self.store)
        assert problems == []
        assert verify(records, ledger.audit_head) == []
        self.server.close()


def crash_in_a_folder(transition: Transition, fates: Sequence[Fate]) -> None:
    """Die once for each fate, each time resumed from a copy of the folder as it was at that moment."""
    folder = transition.shelf.folder(transition.folder)
    world = World(transition, FileStore(folder))
    for number, fate in enumerate(fates):
        kept: list[Path] = []
        fate.at_death = lambda folder=folder, kept=kept: kept.append(transition.shelf.folder(folder))  # type: ignore[misc]
        try:
            world.run(fate, CrashingStore(world.store, fate), elsewhere=number > 0)
        except Crash:
            folder = kept[0]
            world.store = FileStore(folder)
    if open_journal(world.store) is not None or fates[-1].dead:
        world.run(Fate(), world.store, elsewhere=True)
    world.check()


def chosen(points: Sequence[Any], seed: str, most: int = 100_000 if ACCEPTANCE else CASES) -> list[Any]:
    """All of them in acceptance, else a few: the same ones each time."""
    if len(points) <= most:
        return list(points)
    return sorted(random.Random(seed).sample(list(points), most))


def crash_in_a_bucket(transition: Transition, bucket: Bucket, at: int | None) -> Fate:
    """Die once, and be resumed from another folder that knows nothing but the manifests, once the lease has run out."""
    world = World(transition, shared_copy(bucket.store(), transition.folder))
    fate = Fate(at)
    try:
        world.run(fate, ObjectStore(CrashingObjects(bucket.store().objects, fate)))
    except Crash:
        assert world.store.holder() is not None, "who is dead gives nothing back"
        bucket.delete("lock")
        world.run(Fate(), bucket.store(), elsewhere=True)
    world.store = bucket.store()
    world.check()
    return fate


def shared_copy(store: ObjectStore, folder: Path) -> ObjectStore:
    """Put into a bucket what a folder holds."""
    source = FileStore(folder)
    blob = source.read("ledger.json")
    if blob is not None:
        store.write("ledger.json", blob.data, None)
        for name in ("journal.ndjson", "audit.ndjson"):
            store.append(name, source.read_log(name))
    return store


@pytest.fixture(scope="module")
def transition_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    shelf = Shelf(tmp_path_factory.mktemp("crashes"))

    @cache
    def make(name: str) -> Transition:
        return Transition(shelf, *TRANSITIONS[name])

    with unsynced():
        yield make


@pytest.mark.parametrize("name", TRANSITIONS)
def test_at_every_point(transition_of: Any, name: str) -> None:
    """Once, and the next process lives."""
    transition = transition_of(name)
    for at in chosen(range(len(transition.points)), name):
        try:
            crash_in_a_folder(transition, [Fate(at)])
        except BaseException as error:
            error.add_note(f"{name}: died at point {at}, {transition.points[at]!r}")
            raise


@pytest.mark.parametrize("name", TRANSITIONS)
def test_after_every_lost_answer(transition_of: Any, name: str) -> None:
    """An answer gets lost, and the process dies at one of the next points, while it is finding out what became of its request."""
    transition = transition_of(name)
    cases = [(drop, after) for drop in range(transition.writes) for after in range(9)]
    for drop, after in chosen(cases, name):
        seen = [
            place
            for place, what in enumerate(transition.points)
            if what.startswith(("after POST /api", "after PATCH", "after DELETE"))
        ]
        fate = Fate(seen[drop] + after if after else None, frozenset({drop}))
        try:
            crash_in_a_folder(transition, [fate])
        except BaseException as error:
            error.add_note(f"{name}: answer {drop} lost, died {after} points later: {fate.passed[-3:]}")
            raise


@pytest.mark.parametrize("name", TRANSITIONS)
def test_again_while_resuming(transition_of: Any, name: str) -> None:
    """Who resumes dies too, and the one after that."""
    transition = transition_of(name)
    dice = random.Random(name)
    for _ in range(60 if ACCEPTANCE else 4):
        places = [dice.randrange(len(transition.points)), dice.randrange(40), dice.randrange(40)]
        try:
            crash_in_a_folder(transition, [Fate(at) for at in places])
        except BaseException as error:
            error.add_note(f"{name}: died at points {places}")
            raise


@pytest.mark.parametrize("name", TRANSITIONS)
def test_with_the_ledger_in_a_bucket(transition_of: Any, buckets: BucketServer, name: str) -> None:
    transition = transition_of(name)
    points = crash_in_a_bucket(transition, buckets.bucket(), None).passed
    for at in chosen(range(len(points)), name, SHARED_CASES):
        try:
            crash_in_a_bucket(transition, buckets.bucket(), at)
        except BaseException as error:
            error.add_note(f"{name}: died at point {at}, {points[at]!r}")
            raise


def _documents(specs: Specs) -> Documents:
    return [manifest(kind, name, spec) for (kind, name), spec in specs.items()]


@settings(
    max_examples=150 if ACCEPTANCE else 4,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
    database=None,
)
@given(projects(), projects(), st.sampled_from([1, 4]), st.randoms(use_true_random=False))
def test_generated_projects(transition_of: Any, first: Specs, second: Specs, parallelism: int, dice: Any) -> None:
    """From any state to any other, changes side by side or one after the other, the ledger being written at any moment."""
    del transition_of
    with tempfile.TemporaryDirectory() as folder:
        transition = Transition(Shelf(Path(folder)), _documents(first), _documents(second), parallelism)
        for _ in range(4):
            places = [dice.randrange(len(transition.points)), dice.randrange(60)][: dice.randrange(1, 3)]
            drops = frozenset(dice.sample(range(transition.writes), dice.randrange(2)))
            with patch("reconciler.engine.runner.SAVE_SECONDS", 0.002):
                try:
                    crash_in_a_folder(transition, [Fate(at, drops) for at in places])
                except BaseException as error:
                    error.add_note(f"died at points {places} of {len(transition.points)}, answers lost: {drops}")
                    raise
        transition.server.close()
