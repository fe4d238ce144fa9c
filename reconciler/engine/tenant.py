"""Opening a target: the client with the credentials, limits and overrides that the project file declares."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from reconciler.core.kind import Kind, Kinds
from reconciler.core.values import Secret
from reconciler.cxone.client import Client
from reconciler.cxone.message import OnRequest
from reconciler.cxone.settings import EMBEDDED_URL, Auth, TargetApi
from reconciler.errors import EmulatorFailed
from reconciler.loading.private import make_private
from reconciler.loading.project import STATE_FOLDER, ApiSettings, Project, Target

_EMBEDDED_AUTH = Auth("local", Secret("emulator", "local-secret"))


def scopes_for(kinds: Iterable[Kind], *, write: bool) -> tuple[str, ...]:
    """The scopes that reading, or reading and writing, some kinds takes; only these are asked for."""
    wanted: set[str] = set()
    for kind in kinds:
        if kind.wire is not None:
            wanted.update(kind.wire.read_scopes)
            if write:
                wanted.update(kind.wire.write_scopes)
    return tuple(sorted(wanted))


def open_tenant(
    project: Project,
    target: Target,
    kinds: Kinds,
    *,
    environ: Mapping[str, str],
    needed: Iterable[str],
    write: bool,
    on_request: OnRequest | None = None,
    redact: Callable[[str], str] = str,
    tell: Callable[[str], None] | None = None,
    detail: int = 0,
    scopes: Sequence[str] = (),
    patience_seconds: float = 0.0,
    at_once: int = 0,
) -> Client:
    """A client for the target, not yet connected: use it as an async context manager.

    ``needed`` are the kinds that the command is about. Without ``write`` the client refuses every unsafe request but the one
    for a token. ``tell`` takes the lines of a transcript at a level of ``detail``. ``scopes`` are asked for in place of those that
    reading and writing the kinds takes. An answer may take ``patience_seconds`` where the target's own timeout is shorter.
    ``at_once`` requests may be in flight where that is more than usual, unless the target has a limit of its own.
    Raises `InvalidProject` or `SecretUnavailable` for credentials that cannot be had.
    """
    wanted = tuple(scopes) or scopes_for((kinds[name] for name in sorted(set(needed)) if name in kinds), write=write)
    app = embedded_app(project.root, target.name, target.api, keep=write) if target.embedded else None
    api = target_api(project, target, environ)
    in_flight = api.max_concurrency if target.limits.max_concurrency else max(api.max_concurrency, at_once)
    return Client(
        replace(api, timeout_seconds=max(api.timeout_seconds, patience_seconds), max_concurrency=in_flight),
        kinds,
        scopes=wanted,
        read_only=not write,
        app=app,
        on_request=on_request,
        redact=redact,
        tell=tell,
        detail=detail,
    )


def open_passing_tenant(
    project: Project, target: Target, kinds: Kinds, *, scopes: Sequence[str], redact: Callable[[str], str] = str
) -> Client:
    """A client for an embedded tenant that is empty, kept in memory, and gone with its client; raises `EmulatorFailed`."""
    from reconciler import emulator

    try:
        app = emulator.create_app(emulator.Settings(**_execution_settings(project.root, target.name)))
    except emulator.StateError as error:
        raise EmulatorFailed(error.message, fix=error.fix) from error
    api = TargetApi("local", EMBEDDED_URL, _EMBEDDED_AUTH)
    return Client(api, kinds, scopes=scopes, read_only=False, app=app, redact=redact)


def _execution_settings(root: Path, target: str) -> dict[str, Any]:
    """What the embedded emulator gives to actions, where it is there: the project's modules, and the target's environment."""
    modules, environment = root / "node_modules", root / STATE_FOLDER / target / "action.env"
    found: dict[str, Any] = {"action_modules": modules} if modules.is_dir() else {}
    return found | ({"action_env": environment} if environment.is_file() else {})


def embedded_app(root: Path, target: str, api: ApiSettings | None = None, *, keep: bool = True) -> Any:
    """The emulator inside this process, with its state under ``.reconciler/``; raises `EmulatorFailed`.

    It pages and checks preconditions as ``api`` says, so that a style can be tried without a tenant that has it. Where the
    state cannot be written and nothing needs to be kept, it works on a copy of it.
    """
    from reconciler import emulator

    folder = root / STATE_FOLDER / target
    more = _execution_settings(root, target) | (_styles(api) if api else {})
    settings = emulator.Settings(state=folder / "emulator.sqlite", page_size=500, **more)
    try:
        try:
            make_private(folder)
            return emulator.create_app(settings)
        except (OSError, emulator.StateError) as error:
            if keep or not (isinstance(error, OSError) or error.code == emulator.UNWRITABLE):
                raise
            return emulator.create_app(replace(settings, copied=True))
    except emulator.StateError as error:
        raise EmulatorFailed(error.message, fix=error.fix) from error
    except OSError as error:
        raise EmulatorFailed(
            f"the embedded emulator cannot keep its state in {folder}: {error.strerror or error}",
            fix="make the project's folder writable, or name a target with a URL",
        ) from error


def _styles(api: ApiSettings) -> dict[str, Any]:
    return {"pagination": api.pagination, "concurrency": "none" if api.concurrency == "compare" else api.concurrency}


def target_api(project: Project, target: Target, environ: Mapping[str, str]) -> TargetApi:
    """The target's part of the project file as the client takes it."""
    if target.embedded:
        return TargetApi(
            target.name,
            EMBEDDED_URL,
            _EMBEDDED_AUTH,
            pagination=target.api.pagination,
            concurrency=target.api.concurrency,
        )
    from reconciler.loading.credentials import credentials

    pair = credentials(project, target, environ)
    return TargetApi(
        target.name,
        target.url,
        Auth(
            pair.identity,
            pair.secret,
            target.auth.grant,
            f"{target.auth.url}{target.auth.path}" if target.auth.url else target.auth.path,
            target.auth.body or "form",
            target.auth.scopes or None,
        ),
        paths=target.api.paths,
        pagination=target.api.pagination,
        concurrency=target.api.concurrency,
        requests_per_second=target.limits.requests_per_second,
        max_concurrency=target.limits.max_concurrency or 10,
        ca_file=project.root / target.ca_file if target.ca_file else None,
        proxy=pair.proxy or None,
        timeout_seconds=target.timeout_seconds,
    )
