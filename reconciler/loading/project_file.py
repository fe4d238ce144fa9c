"""Reads ``reconciler.yaml``: its model, its errors at their places, and the plain values that come out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from reconciler.core.diagnostic import Diagnostic, Rule
from reconciler.errors import InvalidProject
from reconciler.loading.field_errors import FieldErrors, describe
from reconciler.loading.findings import Findings
from reconciler.loading.inside import NotUsable, inside, read_text
from reconciler.loading.located import Located
from reconciler.loading.project import (
    EMULATOR_URL,
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

PROJECT: Final = Rule(
    "P001", "invalid project file", "reconciler.yaml declares the project: its manifests and targets."
)
_LABEL = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_WHOLE_REFERENCE = re.compile(r"\$\{(?:secret|env|file):[^}]+\}")


class _Part(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", strict=True, frozen=True)


def _url(value: str) -> str:
    """An https URL, an http URL on this machine, or the embedded emulator."""
    if value == EMULATOR_URL:
        return value
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        raise ValueError("is not a URL") from None
    if parts.username is not None or parts.password is not None:
        raise ValueError("holds credentials; they belong into auth, as references")
    if not parts.hostname or parts.query or parts.fragment or "$" in value:
        raise ValueError("is not a base URL such as https://api-us-2.cxone.com")
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise ValueError("must begin with https:// (http:// only for this machine), or be `emulator:`")
    return value.rstrip("/")


def _service(value: str) -> str:
    """A path on the target, or the URL of a service that has a base of its own."""
    return value if value.startswith("/") and not value.startswith("//") else _url(value)


def _reference(value: str) -> str:
    """A secret: one expression and nothing else."""
    if not _WHOLE_REFERENCE.fullmatch(value):
        raise ValueError("is a secret and must be one reference, such as ${secret:env:CXONE_CLIENT_SECRET}")
    return value


def _variables(value: dict[str, Any]) -> dict[str, Any]:
    for name, item in value.items():
        if isinstance(item, str) and "${" in item:
            raise ValueError(f"variable {name} holds an expression; variables are plain values")
    return value


def _folder(value: str) -> str:
    if value.startswith("/") or ".." in value.split("/") or not value:
        raise ValueError("must stay inside the project: a relative path without ..")
    return value


Url = Annotated[str, AfterValidator(_url)]
Service = Annotated[str, AfterValidator(_service)]
Reference = Annotated[str, AfterValidator(_reference)]
Inside = Annotated[str, AfterValidator(_folder)]
Percent = Annotated[float, Field(ge=0, le=100)]


class _Auth(_Part):
    grant: Literal["client_credentials", "access_key"] = "client_credentials"
    url: Url | None = None
    path: Annotated[str, Field(pattern=r"^/")] | None = None
    body: Literal["form", "json", "basic"] | None = None
    client_id: str = ""
    client_secret: Reference | None = None
    access_key_id: str = ""
    access_key_secret: Reference | None = None
    scopes: list[str] = Field(default_factory=list)


class _Pagination(_Part):
    style: Literal["page", "offset", "token"] = "page"


class _Concurrency(_Part):
    style: Literal["etag", "version", "compare"] = "etag"


class _Api(_Part):
    paths: dict[str, Service] = Field(default_factory=dict)
    pagination: _Pagination = _Pagination()
    concurrency: _Concurrency = _Concurrency()


class _Limits(_Part):
    requests_per_second: Annotated[float, Field(gt=0)] | None = None
    max_concurrency: Annotated[int, Field(ge=1, le=1000)] | None = None


class _Apply(_Part):
    saved_plan_only: bool = False
    plan_expires_hours: Annotated[float, Field(gt=0, le=8760)] = 24.0


class _Tls(_Part):
    ca_file: Inside


class _Target(_Part):
    url: Url
    ledger: Annotated[str, Field(pattern=r"^[a-z][a-z0-9+]*:.+")] | None = None
    vars: Annotated[dict[str, Any], AfterValidator(_variables)] = Field(default_factory=dict)
    patches: list[Inside] = Field(default_factory=list)
    apply: _Apply = _Apply()
    auth: _Auth = _Auth()
    api: _Api = Field(default_factory=_Api)
    limits: _Limits = _Limits()
    tls: _Tls | None = None
    proxy: str = ""
    timeout_seconds: Annotated[float, Field(gt=0, le=3600)] = 30.0


class _Guards(_Part):
    max_deletes: Annotated[int, Field(ge=0)] = 5
    max_delete_percent: Percent = 30.0
    max_update_percent: Percent = 50.0


class _Spec(_Part):
    stack: Annotated[str, Field(pattern=_LABEL)] | None = None
    manifests: Annotated[list[Inside], Field(min_length=1)] = ["manifests"]
    prune: bool = False
    guards: _Guards = _Guards()
    targets: dict[Annotated[str, Field(pattern=_LABEL)], _Target] = Field(default_factory=dict)


class _Metadata(_Part):
    name: Annotated[str, Field(pattern=_LABEL)]
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)


class ProjectFile(_Part):
    """The whole project file. Every key that it does not know is refused."""

    api_version: Literal["cxone.reconciler/v1"]
    kind: Literal["Project"]
    metadata: _Metadata
    spec: _Spec = Field(default_factory=_Spec)


def load_project(directory: Path | None = None, *, start: Path | None = None) -> Project:
    """Read the project of a folder, or the nearest one from ``start`` (default: here) upwards.

    Raises `InvalidProject` where there is none, or where its file is wrong; the findings are then in ``diagnostics``.
    """
    root = directory.resolve() if directory is not None else find_root(start or Path.cwd())
    try:
        text = read_text(inside(root, PROJECT_FILE))
    except NotUsable as error:
        fix = "start a project with `reconciler init`" if error.absent else "make it a readable text file"
        raise InvalidProject(f"{PROJECT_FILE} in {root} {error}", fix=fix) from error
    return read_project(text, root)


def read_project(text: str, root: Path) -> Project:
    """Read the text of a project file; ``root`` is its folder. Raises `InvalidProject`."""
    from reconciler.loading.yaml import parse_text

    documents, diagnostics = parse_text(text, PROJECT_FILE)
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
    guards = spec.guards
    targets = {name: _target(name, target) for name, target in spec.targets.items()}
    targets.setdefault("local", local_target())
    return Project(
        root,
        model.metadata.name,
        spec.stack or model.metadata.name,
        tuple(spec.manifests),
        spec.prune,
        GuardSettings(guards.max_deletes, guards.max_delete_percent, guards.max_update_percent),
        dict(sorted(targets.items())),
    )


def _target(name: str, model: _Target) -> Target:
    auth, api = model.auth, model.api
    return Target(
        name,
        model.url,
        model.ledger or default_ledger(name),
        dict(model.vars),
        tuple(model.patches),
        ApplySettings(model.apply.saved_plan_only, model.apply.plan_expires_hours),
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
