"""Reads ``reconciler.yaml``: its errors at their places, and the plain values that come out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from reconciler.core.diagnostic import Diagnostic, Rule
from reconciler.core.freeze import Freeze
from reconciler.core.selection import Selector
from reconciler.errors import InvalidProject
from reconciler.loading.field_errors import FieldErrors, describe
from reconciler.loading.findings import Findings
from reconciler.loading.inside import NotUsable, inside
from reconciler.loading.located import Located
from reconciler.loading.moments import week_time, zone_of
from reconciler.loading.project import (
    PROJECT_FILE,
    ApiSettings,
    ApplySettings,
    AuthSettings,
    GuardSettings,
    LimitSettings,
    Project,
    Target,
    default_ledger,
    find_root,
    local_target,
)
from reconciler.loading.project_guards import FreezeModel, GuardsModel
from reconciler.loading.project_model import ProjectFile, TargetModel
from reconciler.loading.yaml import ParseCache, load_files, parse_text

PROJECT: Final = Rule(
    "P001", "invalid project file", "reconciler.yaml declares the project: its manifests and targets."
)


def load_project(
    directory: Path | None = None, *, start: Path | None = None, cache_folder: str | None = None
) -> Project:
    """Read the project of a folder, or the nearest one from ``start`` (default: here) upwards.

    ``cache_folder``, relative to the project, keeps what was parsed, once it is known to be right. Raises `InvalidProject`
    where there is no project, or where its file is wrong; the findings are then in ``diagnostics``.
    """
    root = directory.resolve() if directory is not None else find_root(start or Path.cwd())
    try:
        _check_file(inside(root, PROJECT_FILE))
    except NotUsable as error:
        fix = "start a project with `reconciler init`" if error.absent else "make it a readable text file"
        raise InvalidProject(f"{PROJECT_FILE} in {root} {error}", fix=fix) from error
    cache = ParseCache(root / cache_folder) if cache_folder is not None else None
    documents, diagnostics = load_files([root / PROJECT_FILE], root, cache)
    project = _read(documents, diagnostics, root)
    if cache is not None:
        cache.store(documents)
    return project


def _check_file(path: Path) -> None:
    if not path.exists():
        raise NotUsable("does not exist", absent=True)
    if not path.is_file():
        raise NotUsable("is not a file")


def read_project(text: str | bytes, root: Path) -> Project:
    """Read the text of a project file; ``root`` is its folder. Raises `InvalidProject`."""
    documents, diagnostics = parse_text(text, PROJECT_FILE)
    return _read(documents, diagnostics, root)


def _read(documents: Sequence[Located], diagnostics: Sequence[Diagnostic], root: Path) -> Project:
    findings = Findings()
    for diagnostic in diagnostics:
        findings.put(diagnostic)
    model = None if findings.failed else _validate(documents, findings)
    if model is None or findings.failed:
        raise _invalid(findings.finish())
    return _project(model, root)


def _validate(documents: Sequence[Located], findings: Findings) -> ProjectFile | None:
    filled = [document for document in documents if document.value is not None]
    if len(filled) != 1 or not isinstance(filled[0].value, dict):
        message = "a project file is one document, a map with apiVersion, kind, metadata and spec"
        found = (
            "nothing" if not filled else f"{len(filled)} documents" if len(filled) > 1 else describe(filled[0].value)
        )
        findings.put(Diagnostic(PROJECT, f"{message}; found {found}"))
        return None
    document = filled[0]
    try:
        return ProjectFile.model_validate(document.value)
    except ValidationError as error:
        targets = (
            (document.value.get("spec") or {}).get("targets") if isinstance(document.value.get("spec"), dict) else None
        )
        hidden = [
            ("spec", "targets", name, "auth", key)
            for name in (targets if isinstance(targets, dict) else ())
            for key in ("clientSecret", "accessKeySecret")
        ]
        for path in hidden:
            findings.hide(document, path)
        reporter = FieldErrors(findings, document, ProjectFile, document.value, (), secret=hidden, rule=PROJECT)
        reporter.report(error.errors(include_url=False))
        return None


def _invalid(diagnostics: tuple[Diagnostic, ...]) -> InvalidProject:
    lines = [
        f"{item.mark or PROJECT_FILE}: {item.path + ': ' if item.path else ''}{item.message}" for item in diagnostics
    ]
    fixes = [item.fix for item in diagnostics if item.fix]
    return InvalidProject("\n".join(lines), fix=fixes[0] if fixes else "", diagnostics=diagnostics)


def _project(model: ProjectFile, root: Path) -> Project:
    spec = model.spec
    targets = {name: _target(name, target) for name, target in spec.targets.items()}
    targets.setdefault("local", local_target())
    return Project(
        root,
        model.metadata.name,
        spec.stack or model.metadata.name,
        tuple(spec.manifests),
        spec.prune,
        _guards(spec.guards),
        dict(sorted(targets.items())),
    )


def _guards(model: GuardsModel) -> GuardSettings:
    return GuardSettings(
        model.max_deletes,
        model.max_delete_percent,
        model.max_update_percent,
        model.max_requests,
        model.max_seconds,
        tuple(model.rules),
        tuple(model.acknowledgements),
        tuple(map(_freeze, model.freezes)),
    )


def _freeze(model: FreezeModel) -> Freeze:
    weekly = model.weekly
    return Freeze(
        model.name,
        model.reason,
        zone_of(model.timezone),
        model.timezone,
        datetime.fromisoformat(model.begin) if model.begin else None,
        datetime.fromisoformat(model.end) if model.end else None,
        week_time(weekly.begin) if weekly else None,
        week_time(weekly.end) if weekly else None,
        tuple(model.targets),
        tuple(map(Selector.parse, model.allow)),
    )


def _target(name: str, model: TargetModel) -> Target:
    auth, api = model.auth, model.api
    return Target(
        name,
        model.url,
        model.ledger or default_ledger(name),
        dict(model.vars),
        tuple(model.patches),
        ApplySettings(
            model.apply.saved_plan_only,
            model.apply.plan_expires_hours,
            model.apply.max_requests,
            model.apply.max_seconds,
        ),
        AuthSettings(
            auth.grant,
            auth.url or "",
            auth.path or "",
            auth.body or "",
            auth.client_id,
            auth.client_secret or "",
            auth.access_key_id,
            auth.access_key_secret or "",
            tuple(auth.scopes),
        ),
        ApiSettings(dict(api.paths), api.pagination.style, api.concurrency.style),
        LimitSettings(model.limits.requests_per_second, model.limits.max_concurrency),
        model.tls.ca_file if model.tls is not None else "",
        model.proxy,
        model.timeout_seconds,
    )
