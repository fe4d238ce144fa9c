"""One manifest while it is bound, and the results of binding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.core.diagnostic import Diagnostic, PathParts
from reconciler.core.kind import Kind
from reconciler.core.resource import Desired, Key, Locate, nowhere
from reconciler.core.values import Tree
from reconciler.errors import InvalidManifests
from reconciler.loading.located import Located, Patched


@dataclass(slots=True, eq=False)
class Manifest:
    """A document whose envelope is right, on its way to a `Desired`, a `Fragment` or a `Job`.

    ``spec`` holds typed leaves once expressions are resolved; ``expressive`` is whether there are any, ``refers`` whether
    one of them may be a ``${ref:…}``; ``model`` is the kind's validated spec, None where it is not
    valid, and ``partial`` then what is valid of it; ``edges`` are the manifests that it refers to directly, each with the path of the first reference, ``misfits`` what it refers to though its kind is wrong there.
    ``literals`` are the paths of secrets that are written out. ``digest`` identifies the content, ``approved`` is whether it was
    found good in an earlier run, so that there is no model unless somebody asks for it (`validated`).
    """

    source: Located
    key: Key
    kind: Kind
    metadata: Mapping[str, Any]
    spec: Tree
    expressive: bool
    refers: bool = False
    model: Any = None
    partial: Any = None
    edges: dict[Key, PathParts] = field(default_factory=dict)
    misfits: set[str] = field(default_factory=set)
    literals: tuple[PathParts, ...] = ()
    digest: bytes = b""
    approved: bool = False

    @property
    def stands_alone(self) -> bool:
        """Whether it is valid, and nothing but its own content decides about that: no expressions, files or patches."""
        plain = not self.expressive and not self.kind.json_files and not isinstance(self.source, Patched)
        return plain and self.kind.kind_class == "resource" and self.model is not None and self.partial is None

    def validated(self) -> Any:
        """The model, or what is valid of it; that of an approved manifest is made now."""
        if self.approved and self.model is None:
            self.model = self.kind.spec.model_validate(self.spec)
        return self.model or self.partial


@dataclass(frozen=True, slots=True)
class Fragment:
    """A validated manifest of a fragment kind: part of the resources and jobs that use it."""

    key: Key
    spec: Tree
    dependencies: tuple[Key, ...]
    file: str
    locate: Locate = field(default=nowhere, compare=False)


@dataclass(frozen=True, slots=True)
class Job:
    """A validated manifest of a job kind.

    ``spec`` is as declared, with typed leaves; ``model`` is the kind's own view of it, with placeholders for what is not
    known before it runs. ``dependencies`` are resource keys, ``uses`` every manifest that it names directly.
    """

    key: Key
    spec: Tree
    model: Any = field(compare=False)
    dependencies: tuple[Key, ...] = ()
    uses: tuple[Key, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    file: str = ""
    locate: Locate = field(default=nowhere, compare=False)


@dataclass(frozen=True, slots=True)
class Bound:
    """What a project's manifests mean for one target.

    All parts are sorted by key. Where any diagnostic is an error they are empty, or, where that was asked for, hold what has
    no part in any error; ``unsound`` are then the keys of the others. ``edges`` has every manifest with what it refers
    to directly, fragments and jobs included. ``digest`` is a SHA-256 (hex) over the content of all manifests that exist for
    the target, in whatever files and order they stand.
    """

    desired: tuple[Desired, ...] = ()
    fragments: tuple[Fragment, ...] = ()
    jobs: tuple[Job, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    digest: str = ""
    edges: Mapping[Key, tuple[Key, ...]] = field(default_factory=dict)
    unsound: frozenset[Key] = frozenset()

    @property
    def failed(self) -> bool:
        """Whether any diagnostic is an error."""
        return any(item.severity == "error" for item in self.diagnostics)

    @property
    def bare(self) -> Bound:
        """The diagnostics and the digest alone: what there is to say of manifests that are not valid."""
        return Bound(diagnostics=self.diagnostics, digest=self.digest)

    def require(self) -> Bound:
        """Return itself; raises `InvalidManifests` where any diagnostic is an error."""
        if self.failed:
            raise InvalidManifests(self.diagnostics)
        return self
