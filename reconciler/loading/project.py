"""A project: its folder, its settings, and the targets that it declares, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from reconciler.core.freeze import Freeze
from reconciler.errors import InvalidProject
from reconciler.loading.suggest import did_you_mean

PROJECT_FILE: Final = "reconciler.yaml"
EMULATOR_URL: Final = "emulator:"
STATE_FOLDER: Final = ".reconciler"

PaginationStyle = Literal["page", "offset", "token"]
ConcurrencyStyle = Literal["etag", "version", "compare"]


@dataclass(frozen=True, slots=True)
class AuthSettings:
    """How a client proves itself to a target, as written: the texts may hold ``${…}`` and are resolved by `credentials`.

    ``url`` is the base of the token endpoint where it is not the target's own; ``path``, ``body`` and ``scopes`` override the
    built-in profile where they are set. ``grant`` decides which pair of texts counts.
    """

    grant: Literal["client_credentials", "access_key"] = "client_credentials"
    url: str = ""
    path: str = ""
    body: Literal["", "form", "json", "basic"] = ""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    access_key_id: str = ""
    access_key_secret: str = field(default="", repr=False)
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """What a target's API does differently from the contract: collection paths by kind, paging, preconditions."""

    paths: Mapping[str, str] = field(default_factory=dict)
    pagination: PaginationStyle = "page"
    concurrency: ConcurrencyStyle = "etag"


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """How much a target may be asked: requests a second, and requests at once; None leaves it to the client."""

    requests_per_second: float | None = None
    max_concurrency: int | None = None


@dataclass(frozen=True, slots=True)
class ApplySettings:
    """What a target demands of an apply: a saved plan, one not older than so many hours, and a budget (None: the project's)."""

    saved_plan_only: bool = False
    plan_expires_hours: float = 24.0
    max_requests: int | None = None
    max_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class GuardSettings:
    """The limits that a plan must keep: deletes in all, per cent of a kind deleted or updated, requests and seconds.

    ``rules`` and ``acknowledgements`` are files and folders relative to the project.
    """

    max_deletes: int = 5
    max_delete_percent: float = 30.0
    max_update_percent: float = 50.0
    max_requests: int | None = None
    max_seconds: float | None = None
    rules: tuple[str, ...] = ()
    acknowledgements: tuple[str, ...] = ()
    freezes: tuple[Freeze, ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """One tenant of a project.

    ``url`` has no trailing slash and is ``emulator:`` for the embedded one; ``ledger`` is where its ledger lives;
    ``variables`` are what ``${var:…}`` reads; ``patches`` are files of merge patches, relative to the project. ``ca_file`` is
    relative to the project too; ``proxy`` may hold ``${…}``.
    """

    name: str
    url: str
    ledger: str
    variables: Mapping[str, Any] = field(default_factory=dict)
    patches: tuple[str, ...] = ()
    apply: ApplySettings = ApplySettings()
    auth: AuthSettings = AuthSettings()
    api: ApiSettings = field(default_factory=ApiSettings)
    limits: LimitSettings = LimitSettings()
    ca_file: str = ""
    proxy: str = field(default="", repr=False)
    timeout_seconds: float = 30.0

    @property
    def embedded(self) -> bool:
        """Whether this is the emulator inside this process."""
        return self.url == EMULATOR_URL


@dataclass(frozen=True, slots=True)
class Project:
    """A folder with ``reconciler.yaml``.

    ``root`` is absolute; ``stack`` names the owner in ledgers; ``manifests`` are folders relative to the root.
    """

    root: Path
    name: str
    stack: str
    manifests: tuple[str, ...] = ("manifests",)
    prune: bool = False
    guards: GuardSettings = GuardSettings()
    targets: Mapping[str, Target] = field(default_factory=dict)

    def target(self, name: str) -> Target:
        """A target by name; raises `InvalidProject` where the project has none of it."""
        if name not in self.targets:
            fix = did_you_mean(name, self.targets, what="targets") or "declare it"
            raise InvalidProject(f"the project {self.name} has no target {name}", fix=f"{fix} (spec.targets)")
        return self.targets[name]


def project_root(directory: Path | None) -> Path:
    """The folder of a project: ``directory``, or the nearest one upwards from here."""
    return directory.resolve() if directory is not None else find_root(Path.cwd())


def find_root(start: Path) -> Path:
    """The nearest folder with a ``reconciler.yaml``, from ``start`` upwards; raises `InvalidProject` where there is none."""
    here = start.resolve()
    for folder in (here, *here.parents):
        if (folder / PROJECT_FILE).is_file():
            return folder
    raise InvalidProject(
        f"there is no {PROJECT_FILE} in {start} or above it",
        fix="start a project with `reconciler init`, or use --project DIR",
    )


def default_ledger(target: str) -> str:
    """Where a target's ledger lives when nothing else is said."""
    return f"file:{STATE_FOLDER}/{target}/"


def local_target() -> Target:
    """The embedded emulator, which every project has without declaring it."""
    return Target("local", EMULATOR_URL, default_ledger("local"))
