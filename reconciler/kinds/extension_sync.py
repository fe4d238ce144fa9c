"""ExtensionSync: a job that has the tenant fill a data extension from a source (contract: Operations)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from reconciler.core.kind import Finding, Kind, Lookup, Reference
from reconciler.kinds.parts.base import Address, LocalSpec, Name, Part, Percent, Url
from reconciler.kinds.parts.findings import find, gathered
from reconciler.kinds.parts.job_mappings import job_mapping_findings
from reconciler.kinds.parts.mappings import RecordMapping
from reconciler.kinds.parts.sources import AnySyncSource, UrlSource


class Webhook(Part):
    """Where the tenant reports progress while the job runs."""

    listen: Address = Field(
        default="127.0.0.1:0",
        description="host:port to listen on; port 0 takes any free one.",
        examples=["0.0.0.0:8809"],
    )
    public_url: Url | None = Field(
        default=None,
        description="The address under which the tenant reaches it. Default: the one that is listened on.",
        examples=["https://etl.example.com/cxone-sync"],
    )
    secret: str | None = Field(
        default=None,
        description="The shared secret that signs deliveries, as a reference; a literal is refused.",
        examples=["${secret:env:CXONE_WEBHOOK_SECRET}"],
    )


class SyncOptions(Part):
    """How the tenant treats the records."""

    max_batch_size: Annotated[int, Field(ge=1, le=5000)] = Field(
        default=5000, description="Records a batch, at most 5000."
    )
    retry_on_conflict: bool = Field(default=True, description="Whether a record that collides is tried again.")
    null_value_handling: Literal["SET_NULL", "SKIP", "DEFAULT"] = Field(
        default="SET_NULL",
        description="What becomes of missing values: null, left as they are, or the type's empty value.",
    )


class ExtensionSyncSpec(LocalSpec):
    """Which extension is filled, from where, and how."""

    extension_ref: Name = Field(
        description="The name of the DataExtension manifest that is filled.", examples=["customer-profile"]
    )
    source: AnySyncSource = Field(
        description="{url}: an address that the tenant fetches. {path, format, serve}: files that this job serves to it.",
    )
    field_mapping_ref: Name | None = Field(
        default=None,
        description="The name of a FieldMapping manifest (source and target). Without it fields keep their names.",
        examples=["profile-fields"],
    )
    sync_mode: Literal["INCREMENTAL", "FULL"] = Field(
        default="INCREMENTAL", description="Add and update, or replace everything."
    )
    webhook: Webhook | None = Field(
        default=None, description="Where the tenant reports progress. Without it the job asks now and then."
    )
    options: SyncOptions = Field(default_factory=SyncOptions, description="How the tenant treats the records.")
    max_rejected_percent: Percent = Field(
        default=2.0, description="Rejected records, in percent, above which the job counts as failed."
    )


def check(spec: ExtensionSyncSpec, lookup: Lookup) -> list[Finding]:
    """The mapping fits the extension; an open webhook is signed."""
    return gathered(
        lambda: job_mapping_findings(
            lookup,
            spec.field_mapping_ref,
            find(lookup, spec.extension_ref, "DataExtension"),
            f"DataExtension/{spec.extension_ref}",
        ),
        lambda: _renames_only(spec, lookup),
        lambda: _signature(spec.webhook),
    )


def _renames_only(spec: ExtensionSyncSpec, lookup: Lookup) -> Iterator[Finding]:
    """What the tenant fetches itself, it maps itself, and ``fieldMappings`` have no transformations (contract: Operations)."""
    fragment = find(lookup, spec.field_mapping_ref, "FieldMapping") if isinstance(spec.source, UrlSource) else None
    for item in fragment.mappings if fragment is not None else ():
        if isinstance(item, RecordMapping) and item.transformation is not None:
            yield Finding(
                ("fieldMappingRef",),
                f"FieldMapping/{spec.field_mapping_ref} transforms {item.target!r}, and the tenant, which fetches source.url "
                "itself, only renames fields",
                "use a FieldMapping without transformations, or source.path in place of source.url",
            )


def _signature(webhook: Webhook | None) -> Iterator[Finding]:
    if webhook is not None and webhook.secret is None:
        yield Finding(
            ("webhook",),
            "without a secret anybody who reaches the webhook can report progress",
            "add 'secret: ${secret:env:CXONE_WEBHOOK_SECRET}'",
            "warning",
        )


KIND = Kind(
    name="ExtensionSync",
    kind_class="job",
    spec=ExtensionSyncSpec,
    summary="A job: has the tenant fill a data extension from files or an address.",
    required=frozenset({"extensionRef", "source"}),
    references=(
        Reference("extensionRef", ("DataExtension",)),
        Reference("fieldMappingRef", ("FieldMapping",)),
    ),
    secret_fields=frozenset({"webhook.secret"}),
    check=check,
)
