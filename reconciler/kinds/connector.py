"""Connector: a connection to a CRM, with its mappings, credentials and lifecycle (contract: Resources)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from reconciler.core.kind import Finding, Fragments, Kind, LifecycleField, Lookup, SecretMap, Wire
from reconciler.core.partial import Unvalidated
from reconciler.kinds.parts.base import Name, Part, Spec, Url
from reconciler.kinds.parts.findings import attributes, find, gathered, repeated
from reconciler.kinds.parts.mappings import ConnectorMapping, RecordMapping, connector_findings

_USUAL_CREDENTIALS = {
    "BASIC": ("username", "password"),
    "OAUTH2": ("tokenEndpoint", "clientId", "clientSecret"),
    "API_KEY": ("apiKey",),
}

Placed = tuple[tuple[str | int, ...], str, ConnectorMapping]
"""A mapping with its path in the spec, and what to call the place where it stands."""


class Authentication(Part):
    """How the tenant proves itself to the CRM."""

    type: Literal["BASIC", "OAUTH2", "API_KEY"] = Field(
        description="The scheme; it decides which credentials are usual.", examples=["OAUTH2"]
    )
    credentials: dict[Annotated[str, Field(min_length=1, max_length=128)], str] = Field(
        description=(
            "BASIC: username and password. OAUTH2: tokenEndpoint, clientId, clientSecret (refreshToken, password). "
            "API_KEY: headerName and apiKey. All but username, tokenEndpoint, clientId and headerName are secrets: "
            "written as ${secret:…}, ${env:…} or ${file:…}, never as a literal, and never read back."
        ),
        examples=[
            {
                "tokenEndpoint": "https://login.example.com/oauth/token",
                "clientId": "cxone",
                "clientSecret": "${secret:env:CRM_CLIENT_SECRET}",
            }
        ],
    )


class SyncSettings(Part):
    """How the tenant synchronises."""

    batch_size: Annotated[int, Field(ge=1, le=100_000)] | None = Field(
        default=None, description="Records a batch.", examples=[500]
    )
    retry_attempts: Annotated[int, Field(ge=0, le=100)] | None = Field(
        default=None, description="How often a failed batch is tried again.", examples=[3]
    )
    sync_interval_minutes: Annotated[int, Field(ge=1, le=525_600)] | None = Field(
        default=None, description="Minutes between two synchronisations.", examples=[15]
    )


def _without_credentials(value: str) -> str:
    """A URL is shown wherever the connector is, so it holds no user and password."""
    if "@" in value.split("/")[2]:
        raise ValueError("holds credentials; they belong into authentication.credentials, as references")
    return value


class ConnectorSpec(Spec):
    """A CRM connection as the tenant keeps it."""

    connector_type: Literal["CUSTOM", "SALESFORCE", "DYNAMICS"] = Field(
        description="The CRM's make.", examples=["CUSTOM"]
    )
    endpoint_url: Annotated[Url, AfterValidator(_without_credentials)] = Field(
        description="The CRM's API.", examples=["https://crm.example.com/api"]
    )
    authentication: Authentication = Field(description="How the tenant proves itself to the CRM.")
    version: Annotated[str, Field(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$", max_length=64)] = Field(
        description="Your version of this connector, N.N.N. The server never changes it.", examples=["1.0.0"]
    )
    lifecycle_status: Literal["DRAFT", "ACTIVE", "INACTIVE"] | None = Field(
        default=None,
        description=(
            "The state it is to be in. It is created as DRAFT and then moved: DRAFT to ACTIVE or INACTIVE, and between "
            "these two. ERROR is the server's word and can't be declared."
        ),
        examples=["ACTIVE"],
    )
    mappings: list[ConnectorMapping] | None = Field(
        default=None,
        description="Mappings of its own; those of mappingRefs are added behind them. Neither side may occur twice.",
        examples=[[{"cxoneField": "customerPhone", "crmField": "Phone", "direction": "INBOUND"}]],
    )
    mapping_refs: list[Name] = Field(
        default_factory=list,
        description="Names of FieldMapping manifests whose mappings it takes over.",
        examples=[["contact-core"]],
    )
    sync_settings: SyncSettings | None = Field(
        default=None, description="How the tenant synchronises. What is left out is not yours to compare."
    )


def check(spec: ConnectorSpec, lookup: Lookup) -> list[Finding]:
    """No field mapped twice over inline and shared mappings; fitting fragments; the usual credentials."""
    return gathered(
        lambda: connector_findings(("mappings",), spec.mappings or []),
        lambda: _credential_findings(spec),
        lambda: [
            Finding(("mappingRefs", index), f"{name!r} is named twice", "remove one of the two")
            for index, _, name in repeated(spec.mapping_refs)
        ],
        lambda: _all_mappings(spec, lookup),
    )


def _all_mappings(spec: ConnectorSpec, lookup: Lookup) -> Iterator[Finding]:
    """Inline and shared mappings together: all of them a connector's, and no field twice."""
    items: list[Placed] = []
    with suppress(Unvalidated):
        items += [(("mappings", index), f"mappings[{index}]", item) for index, item in enumerate(spec.mappings or [])]
    names: dict[str, int] = {}
    with suppress(Unvalidated):
        for index, name in enumerate(spec.mapping_refs):
            with suppress(Unvalidated):
                names.setdefault(name, index)
    for name, index in names.items():
        with suppress(Unvalidated):
            fragment = find(lookup, name, "FieldMapping")
            mappings = fragment.mappings if fragment is not None else []
            if any(type(item) is RecordMapping for item in mappings):
                yield Finding(
                    ("mappingRefs", index),
                    f"FieldMapping/{name} maps source to target, which is for data jobs",
                    "refer to one with cxoneField, crmField and direction",
                )
            else:
                items += [(("mappingRefs", index), f"FieldMapping/{name}", item) for item in mappings]
    yield from _duplicates(items)


def _duplicates(items: list[Placed]) -> list[Finding]:
    found = []
    for attribute, key in (("cxone_field", "cxoneField"), ("crm_field", "crmField")):
        for index, first, name in repeated(attributes((item for _, _, item in items), attribute)):
            path, owner, _ = items[index]
            if path[0] == "mappingRefs" and path == items[first][0]:
                continue  # inside one fragment, which its own check reports
            where = (*path, key) if path[0] == "mappings" else path
            what = f"{key} {name!r} is mapped by {items[first][1]} already"
            found.append(Finding(where, what if path[0] == "mappings" else f"{owner}: {what}", "keep one of the two"))
    return found


def _credential_findings(spec: ConnectorSpec) -> list[Finding]:
    credentials = spec.authentication.credentials
    return [
        Finding(
            ("authentication", "credentials"),
            f"{spec.authentication.type} authentication usually has {name!r}, which is not declared",
            f"add {name!r}, unless the CRM does without it",
            "warning",
        )
        for name in _USUAL_CREDENTIALS.get(spec.authentication.type, ())
        if name not in credentials
    ]


KIND = Kind(
    name="Connector",
    kind_class="resource",
    spec=ConnectorSpec,
    summary="A connection to a CRM, with its mappings, credentials and lifecycle.",
    wire=Wire(
        collection="/api/v2/crm/connectors",
        read_scopes=("crm:connectors:read",),
        write_scopes=("crm:connectors:write",),
        version_field="version",
        stale_codes=frozenset({"VERSION_CONFLICT"}),
    ),
    read_only=frozenset({"id", "etag", "createdTime", "lastModifiedTime", "lastModifiedBy"}),
    required=frozenset({"name", "connectorType", "endpointUrl", "authentication", "version", "lifecycleStatus"}),
    defaults={
        "lifecycleStatus": "DRAFT",
        "mappings": [],
        "syncSettings.batchSize": 500,
        "syncSettings.retryAttempts": 3,
        "syncSettings.syncIntervalMinutes": 15,
    },
    keyed_lists={"mappings": ("cxoneField",)},
    normalisers={"endpointUrl": "url", "authentication.credentials.tokenEndpoint": "url"},
    fragments=(Fragments("mappingRefs", "FieldMapping", "mappings", "mappings"),),
    secret_maps=(
        SecretMap(
            "authentication.credentials", plain=frozenset({"username", "tokenEndpoint", "clientId", "headerName"})
        ),
    ),
    lifecycle=LifecycleField(
        "lifecycleStatus",
        initial="DRAFT",
        moves={
            "DRAFT": frozenset({"ACTIVE", "INACTIVE"}),
            "ACTIVE": frozenset({"INACTIVE"}),
            "INACTIVE": frozenset({"ACTIVE"}),
            "ERROR": frozenset({"ACTIVE", "INACTIVE"}),
        },
        with_fields=("version",),
    ),
    check=check,
)
