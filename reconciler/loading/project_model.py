"""The model of ``reconciler.yaml``: every key, what it takes, and what it is for."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from reconciler.core.addresses import path_problem, server_problem
from reconciler.loading.project import EMULATOR_URL
from reconciler.loading.project_guards import GuardsModel, Inside, stay_inside
from reconciler.model import LABEL_PATTERN, Model

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_REFERENCE: Final = re.compile(r"\$\{[^}]*\}")
_SCHEMES: Final = "must begin with https:// (http:// only for this machine), or be `emulator:`"
_WHOLE_REFERENCE = re.compile(r"\$\{(?:secret|env|file):[^}]+\}")


def _url(value: str) -> str:
    """An https URL, an http URL on this machine, or the embedded emulator."""
    if value == EMULATOR_URL:
        return value
    if not value.startswith(("https://", "http://")):
        raise ValueError(_SCHEMES)
    if problem := server_problem(value, credentials=True):
        raise ValueError(problem)
    parts = urlsplit(value)
    if parts.username is not None or parts.password is not None:
        raise ValueError("holds credentials; they belong into auth, as references")
    if parts.query or "$" in value:
        raise ValueError("is not a base URL such as https://api-us-2.cxone.com")
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise ValueError(_SCHEMES)
    return value.rstrip("/")


def _service(value: str) -> str:
    """A path on the target, or the URL of a service that has a base of its own."""
    if value.startswith("/") and not value.startswith("//"):
        return _path(value)
    if "://" not in value:
        raise ValueError("is neither a path such as /api/v2/items nor a URL")
    return _url(value)


def _path(value: str) -> str:
    """A path on a server."""
    if problem := path_problem(value):
        raise ValueError(problem)
    return value


def _proxy(value: str) -> str:
    """A proxy's address, its password by reference: this file is in git, and is cached as it is."""
    if value and not _REFERENCE.search(value) and (problem := server_problem(value, credentials=True)):
        raise ValueError(problem)
    credentials, at, _ = value.rpartition("@")
    _, _, password = credentials.rpartition("/")[2].partition(":")
    if at and _REFERENCE.sub("", password):
        raise ValueError("holds a password; write http://user:${secret:env:PROXY_PASSWORD}@host:port")
    return value


def _reference(value: str) -> str:
    """A secret: one expression and nothing else."""
    if not _WHOLE_REFERENCE.fullmatch(value):
        raise ValueError("is a secret and must be one reference, such as ${secret:env:CXONE_CLIENT_SECRET}")
    return value


def _variables(value: dict[str, Any]) -> dict[str, Any]:
    """Variables are values, and nothing that would have to be resolved itself."""
    for name, item in value.items():
        if isinstance(item, str) and "${" in item:
            raise ValueError(f"variable {name} holds an expression; variables are plain values")
    return value


def _trusted(value: str) -> str:
    """A path inside the project, or an absolute one: whom a machine trusts is often set up outside of projects."""
    return value if value.startswith("/") and ".." not in value.split("/") else stay_inside(value)


Url = Annotated[str, AfterValidator(_url)]
Proxy = Annotated[str, AfterValidator(_proxy)]
Service = Annotated[str, AfterValidator(_service)]
Reference = Annotated[str, AfterValidator(_reference)]
Trusted = Annotated[str, AfterValidator(_trusted)]


class AuthModel(Model):
    """How a client proves itself to the target."""

    grant: Literal["client_credentials", "access_key"] = Field(
        default="client_credentials", description="Which pair of credentials is used, and how a token is asked for."
    )
    url: Url | None = Field(default=None, description="The token endpoint's base, where it is not the target's own.")
    path: Annotated[str, Field(pattern=r"^/"), AfterValidator(_path)] | None = Field(
        default=None, description="The token endpoint's path.", examples=["/api/v2/oauth2/token"]
    )
    body: Literal["form", "json", "basic"] | None = Field(
        default=None, description="How the credentials are sent: as a form, as JSON, or by HTTP Basic beside a form."
    )
    client_id: str = Field(
        default="",
        description="For client_credentials; may hold ${env:…} or ${var:…}.",
        examples=["${env:CXONE_CLIENT_ID}"],
    )
    client_secret: Reference | None = Field(
        default=None, description="One secret reference.", examples=["${secret:env:CXONE_CLIENT_SECRET}"]
    )
    access_key_id: str = Field(default="", description="For access_key; may hold ${env:…} or ${var:…}.")
    access_key_secret: Reference | None = Field(
        default=None, description="One secret reference.", examples=["${secret:env:CXONE_ACCESS_KEY}"]
    )
    scopes: list[str] = Field(
        default_factory=list, description="Scopes to ask for instead of those that a command needs."
    )


class PaginationModel(Model):
    """How the target pages its listings."""

    style: Literal["page", "offset", "token"] = Field(
        default="page", description="By page number, by skip and top, or by a scroll token."
    )


class ConcurrencyModel(Model):
    """What a write to the target can be conditional on."""

    style: Literal["etag", "version", "compare"] = Field(
        default="etag",
        description="An ETag; a version with a re-read; or a comparison alone. The last two are best effort.",
    )


class ApiModel(Model):
    """What the target's API does differently from the built-in profile."""

    paths: dict[str, Service] = Field(
        default_factory=dict,
        description="Collection paths by kind, or URLs where a service has a base of its own.",
        examples=[{"Connector": "/api/v2/crm/connectors"}],
    )
    pagination: PaginationModel = Field(default_factory=PaginationModel, description="How listings are paged.")
    concurrency: ConcurrencyModel = Field(
        default_factory=ConcurrencyModel, description="What writes are conditional on."
    )


class LimitsModel(Model):
    """How much the target may be asked."""

    requests_per_second: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="Requests a second at most, over all that run at once.", examples=[20]
    )
    max_concurrency: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        default=None, description="Requests at once at most.", examples=[10]
    )


class ApplyModel(Model):
    """What the target demands of an apply."""

    saved_plan_only: bool = Field(default=False, description="Apply saved plans only, never plan and apply in one go.")
    plan_expires_hours: Annotated[float, Field(gt=0, le=8760)] = Field(
        default=24.0, description="Hours after which a saved plan is not applied any more."
    )
    max_requests: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="Requests that an apply may take here. Default: guards.maxRequests."
    )
    max_seconds: Annotated[float, Field(ge=0)] | None = Field(
        default=None, description="Seconds that an apply may take at the target's limit. Default: guards.maxSeconds."
    )


class TlsModel(Model):
    """Whom the client trusts."""

    ca_file: Trusted = Field(
        description="A PEM file with the certificate authorities: inside the project, or an absolute path on each machine.",
        examples=["certs/ca.pem", "/etc/ssl/certs/company.pem"],
    )


class TargetModel(Model):
    """One tenant."""

    url: Url = Field(
        description="https://…, http:// on this machine, or `emulator:` for the embedded one.",
        examples=["https://api-us-2.cxone.com"],
    )
    ledger: Annotated[str, Field(pattern=r"^[a-z][a-z0-9+]*:.+")] | None = Field(
        default=None,
        description="Where the ledger lives: s3://bucket/path to share it, or file: and a folder of the project. "
        "Default: file:.reconciler/TARGET/.",
        examples=["s3://ops-bucket/cxone/prod", "file:ledgers/prod/"],
    )
    vars: Annotated[dict[str, Any], AfterValidator(_variables)] = Field(
        default_factory=dict, description="What ${var:NAME} reads: plain values.", examples=[{"region": "us"}]
    )
    patches: list[Inside] = Field(
        default_factory=list,
        description="Files of merge patches by kind and metadata.name, for what variables cannot say.",
        examples=[["targets/prod.yaml"]],
    )
    apply: ApplyModel = Field(default_factory=ApplyModel, description="What an apply has to bring along.")
    auth: AuthModel = Field(default_factory=AuthModel, description="How a client proves itself.")
    api: ApiModel = Field(default_factory=ApiModel, description="Overrides of the built-in profile.")
    limits: LimitsModel = Field(default_factory=LimitsModel, description="How much the target may be asked.")
    tls: TlsModel | None = Field(default=None, description="Whom to trust, where it is not the system's list.")
    proxy: Proxy = Field(default="", description="The URL of an HTTP proxy; may hold ${env:…} or ${secret:…}.")
    timeout_seconds: Annotated[float, Field(gt=0, le=3600)] = Field(
        default=30.0, description="Seconds until a request that is not answered is given up."
    )


class SpecModel(Model):
    """What belongs to the project."""

    stack: Annotated[str, Field(pattern=LABEL_PATTERN)] | None = Field(
        default=None,
        description="The owner's name in ledgers; several stacks may share a tenant. Default: metadata.name.",
    )
    manifests: Annotated[list[Inside], Field(min_length=1)] = Field(
        default=["manifests"], description="Folders and files with manifests, inside the project."
    )
    prune: bool = Field(default=False, description="Delete what the ledger knows and no manifest declares any more.")
    guards: GuardsModel = Field(default_factory=GuardsModel, description="Limits that a plan must keep.")
    targets: dict[Annotated[str, Field(pattern=LABEL_PATTERN)], TargetModel] = Field(
        default_factory=dict,
        description="Tenants by name. `local`, the embedded emulator, is there without being declared.",
    )

    @model_validator(mode="after")
    def _freezes_mean_something(self) -> SpecModel:
        names = [freeze.name for freeze in self.guards.freezes]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"declares the freeze {twice[0]} twice")
        for freeze in self.guards.freezes:
            if unknown := sorted({*freeze.targets} - {*self.targets, "local"}):
                raise ValueError(f"freezes a target {unknown[0]} ({freeze.name}), which it does not declare")
        return self


class MetadataModel(Model):
    """What the project is called."""

    name: Annotated[str, Field(pattern=LABEL_PATTERN)] = Field(
        description="The project's name (an RFC 1123 label).", examples=["contact-centre"]
    )
    labels: dict[str, str] = Field(default_factory=dict, description="Free labels.")
    annotations: dict[str, str] = Field(default_factory=dict, description="Free notes.")


class ProjectFile(Model):
    """The whole project file. Every key that it does not know is refused."""

    api_version: Literal["cxone.reconciler/v1"] = Field(description="The version of this format.")
    kind: Literal["Project"] = Field(description="Says that this is a project file.")
    metadata: MetadataModel = Field(description="What the project is called.")
    spec: SpecModel = Field(default_factory=SpecModel, description="What belongs to the project.")
