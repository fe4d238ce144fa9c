"""Recalls what a project means for a target where nothing has changed that decides about it, and remembers it else.

What decides: the project file, the manifest files, the files of guards, all other files that manifests name, the code of
actions, the kinds and the tool's version. Values of environment variables are kept nowhere: a project that reads any outside of
secret references is not remembered, and neither is one about which there is anything to say. Secrets are looked up anew each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from reconciler.core.codec import decode_tree
from reconciler.core.diagnostic import Mark, PathParts
from reconciler.core.kind import Kind
from reconciler.core.resource import Key
from reconciler.core.values import Bundle, Secret
from reconciler.engine.memory.kinds import decode_kinds, encode_kinds, stamp
from reconciler.engine.memory.later import Decoded, LaterBound
from reconciler.engine.memory.plain import decode, encode
from reconciler.engine.memory.resources import Rows, encode_row, keys_of, leaves_of
from reconciler.engine.memory.store import Stored, digest_of, place_of, read, write
from reconciler.engine.memory.watched import Watched, digest_of_file, project_digest
from reconciler.errors import ReconcilerError
from reconciler.loading.bundle import build_bundle
from reconciler.loading.inside import NotUsable, inside
from reconciler.loading.manifest import Bound
from reconciler.loading.project import Project, Target
from reconciler.loading.secrets import SecretResolver
from reconciler.loading.yaml_files import digests_of

Files = Callable[[Project], Iterable[Path]]
"""Gives the files of a project that are read as YAML: manifests, and what guards are written in."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells one meaning from another: ``digest`` (hex) stands for all of it but the values of the ``secrets`` that it names."""

    digest: str
    secrets: tuple[Secret, ...]


@dataclass(frozen=True, slots=True)
class Meaning:
    """A project, its kinds, and what its manifests mean for a target; ``documents`` is how many were read, ``named`` what they name.

    Recalled, ``bound`` has the resources and what refers to what, and neither fragments nor jobs; both are decoded when they are asked
    for. Only then there is an ``identity``.
    """

    project: Project
    target: Target
    kinds: Mapping[str, Kind]
    bound: Bound
    documents: int
    named: frozenset[str] = frozenset()
    identity: Identity | None = None


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered for one target of the project in a folder; ``files`` is as `Files` has it."""

    root: Path
    cache: Path
    target: str
    files: Files

    def recall(
        self,
        resolve: Callable[[Secret], Secret],
        places: Callable[[Meaning, Mapping[Key, str]], _Place],
        load: Callable[[], Bound],
    ) -> Meaning | None:
        """What was remembered, where it still stands; None else, also where a secret cannot be had.

        ``load`` binds everything anew, should what was kept turn out to be nothing that this tool has written.
        """
        stored = read(place_of(self.cache, self.target))
        if stored is None:
            return None
        try:
            project = self._standing(stored)
            return None if project is None else self._meaning(project, stored, resolve, places, load)
        except (OSError, NotUsable, ReconcilerError, *_NOT_OURS):
            # Whatever is the matter with a project is found out, and said, by loading it.
            return None

    def _standing(self, stored: Stored) -> Project | None:
        """The project, if all that decides about its meaning is as it was."""
        head = stored.head
        if head["stamp"] != stamp() or head["project"] != project_digest(self.root):
            return None
        project: Project = replace(decode(head["settings"]), root=self.root)
        if head["files"] != _together(digests_of(self.files(project), self.root)):
            return None
        return project if head["named"] == _named(self.root, head["named"]) else None

    def _meaning(
        self,
        project: Project,
        stored: Stored,
        resolve: Callable[[Secret], Secret],
        places: Callable[[Meaning, Mapping[Key, str]], _Place],
        load: Callable[[], Bound],
    ) -> Meaning:
        head = stored.head
        bundles = _Bundles(self.root)
        for known in head["bundles"]:
            bundles.same(decode_tree(known))
        secrets = tuple([resolve(Secret(reference)) for reference in head["secrets"]])
        later = _Later()

        def decoded() -> Decoded:
            body = stored.body()
            desired, edges = Rows(body["names"], resolve, bundles.same, later).read(body["resources"])
            others = [(Key(*key), keys_of(refers), body["names"][file]) for key, refers, file in body["others"]]
            edges |= {key: refers for key, refers, _ in others}
            later.make = partial(places, meaning, {key: file for key, _, file in others})
            return desired, edges

        def parts() -> Decoded:
            try:
                return decoded()
            except _NOT_OURS:
                found = load().require()
                return found.desired, found.edges

        bound = LaterBound.of(head["digest"], parts)
        identity = Identity(stored.digest.hex(), secrets)
        target = project.target(self.target)
        kinds, named = decode_kinds(head["kinds"]), frozenset(map(str, head["named"]))
        meaning = Meaning(project, target, kinds, bound, head["documents"], named, identity)
        return meaning

    def remember(self, meaning: Meaning, watched: Watched | None, resolver: SecretResolver | None) -> Identity | None:
        """Keep what was found, if it was watched and stands by itself (else None).

        Raises `OSError` where its file cannot be written.
        """
        head = self._conditions(meaning, watched) if watched is not None else None
        if head is None or resolver is None:
            return None
        with suppress(TypeError, ValueError):
            body = _body(meaning.bound)
            secrets, bundles = leaves_of(body["resources"])
            head |= {"secrets": secrets, "bundles": bundles}
            digest = write(place_of(self.cache, self.target), head, body)
            return Identity(digest.hex(), tuple(map(resolver.resolve, map(Secret, secrets)))) if digest else None
        return None

    def _conditions(self, meaning: Meaning, watched: Watched) -> dict[str, Any] | None:
        """Under which conditions a meaning stands, and the little of it that every recall needs."""
        if meaning.bound.diagnostics or watched.environ.any:
            return None
        with suppress(OSError, NotUsable, TypeError, ValueError):
            named = watched.reach.named
            if project_digest(self.root) == watched.project and _named(self.root, named) == named:
                return {
                    "stamp": stamp(),
                    "project": watched.project,
                    "settings": encode(meaning.project),
                    "files": _together(watched.files),
                    "named": named,
                    "digest": meaning.bound.digest,
                    "documents": meaning.documents,
                    "kinds": encode_kinds(meaning.kinds),
                }
        return None


_NOT_OURS: Final = (ValueError, TypeError, LookupError)
"""What reading raises for something that nobody has written who knows how to."""

_Place = Callable[[Key, PathParts], Mark | None]


@dataclass(slots=True)
class _Later:
    """Finds places with what is made when the first one is asked for: most plans show nothing."""

    make: Callable[[], _Place] | None = None
    _made: _Place | None = field(default=None)

    def __call__(self, key: Key, path: PathParts) -> Mark | None:
        if self._made is None:
            assert self.make is not None
            self._made = self.make()
        return self._made(key, path)


class _Bundles:
    """Builds the bundles that were remembered again, each folder once: their code is no manifest, and may have changed."""

    def __init__(self, root: Path) -> None:
        self._reach = partial(inside, root)
        self._built: dict[tuple[str, tuple[str, ...]], Bundle | None] = {}

    def same(self, known: Bundle) -> Bundle:
        """The bundle as it is now; raises `ValueError` where it is another one."""
        if not known.path:
            return known
        place = (known.path, known.exclude)
        if place not in self._built:
            self._built[place] = build_bundle(self._reach, *place).bundle
        built = self._built[place]
        if built != known or built is None:
            raise ValueError("the code is not what it was")
        return built


def _body(bound: Bound) -> dict[str, Any]:
    names: dict[str, int] = {}
    rows = [encode_row(item, bound.edges[item.key], names.setdefault(item.file, len(names))) for item in bound.desired]
    places = [*((item.key, item.file) for item in bound.fragments), *((item.key, item.file) for item in bound.jobs)]
    others = [
        [list(key), [list(other) for other in bound.edges[key]], names.setdefault(file, len(names))]
        for key, file in places
    ]
    return {"resources": rows, "others": others, "names": list(names)}


def _together(digests: Mapping[str, bytes]) -> str:
    """One digest for files: their names and what they hold."""
    parts = (name.encode("utf-8", "surrogatepass") + b"\0" + digests[name] for name in sorted(digests))
    return digest_of(b"".join(parts)).hex()


def _named(root: Path, names: Iterable[str]) -> dict[str, str]:
    """The files that manifests name, each with its digest."""
    return {name: digest_of_file(inside(root, name)) for name in names}
