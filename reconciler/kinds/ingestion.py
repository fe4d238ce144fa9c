"""Ingestion: a job that reads files and sends their records to a dataset in batches (contract: Operations)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field

from reconciler.core.kind import Finding, Kind, Lookup, Reference
from reconciler.kinds.parts.base import FieldName, FilePath, LocalSpec, Name, Part, Percent, Url
from reconciler.kinds.parts.findings import find, gathered, repeated, unknown_names
from reconciler.kinds.parts.job_mappings import job_mapping_findings
from reconciler.kinds.parts.sources import FileSource


class Dedup(Part):
    """What the tenant does with a record whose key is there already."""

    mode: Literal["upsert", "reject", "skip"] = Field(
        default="upsert", description="Update what is there, refuse the record, or leave it out."
    )
    keys: list[FieldName] = Field(
        default_factory=list,
        description="The columns that make the key. Default: the dataset's primary key.",
        examples=[["external_id"]],
    )


class SchemaInference(Part):
    """Whether the tenant may guess columns from the records."""

    enabled: bool = Field(default=False, description="Whether columns are guessed.")
    strict_mode: bool = Field(default=True, description="Whether records that deviate from the columns are refused.")


class IngestionSpec(LocalSpec):
    """Which files go into which dataset, and what becomes of records that do not fit."""

    dataset_ref: Name = Field(description="The name of the Dataset manifest that is filled.", examples=["orders"])
    source: FileSource = Field(description="The files to read.")
    field_mapping_ref: Name | None = Field(
        default=None,
        description="The name of a FieldMapping manifest (source and target). Without it fields keep their names.",
        examples=["order-columns"],
    )
    batch_size: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=500, description="Records a request, at most 1000."
    )
    dedup: Dedup = Field(
        default_factory=Dedup, description="What the tenant does with a record whose key is there already."
    )
    schema_inference: SchemaInference = Field(
        default_factory=SchemaInference, description="Whether the tenant may guess columns from the records."
    )
    callback_url: Url | None = Field(
        default=None,
        description="Told when the job ends. That it is out of reach never fails the job.",
        examples=["https://etl.example.com/done"],
    )
    quarantine: FilePath | None = Field(
        default=None,
        description=(
            "The file that rejected records go to, with row number and reason; relative to the project. "
            "Default: .reconciler/quarantine/ and the job's name."
        ),
        examples=["quarantine/orders.ndjson"],
    )
    max_rejected_percent: Percent = Field(
        default=2.0, description="Rejected records, in percent, above which the job counts as failed."
    )


def check(spec: IngestionSpec, lookup: Lookup) -> list[Finding]:
    """The mapping fits the dataset, and the keys are its columns."""
    path = ("dedup", "keys")

    def fits() -> Iterable[Finding]:
        dataset = find(lookup, spec.dataset_ref, "Dataset")
        return job_mapping_findings(lookup, spec.field_mapping_ref, dataset, f"Dataset/{spec.dataset_ref}")

    def keys() -> Iterable[Finding]:
        dataset = find(lookup, spec.dataset_ref, "Dataset")
        what = f"a column of Dataset/{spec.dataset_ref}"
        return unknown_names(path, spec.dedup.keys, dataset.columns, what) if dataset is not None else ()

    return gathered(
        fits,
        keys,
        lambda: [
            Finding((*path, index), f"{name!r} is listed twice", "remove one of the two")
            for index, _, name in repeated(spec.dedup.keys)
        ],
    )


KIND = Kind(
    name="Ingestion",
    kind_class="job",
    spec=IngestionSpec,
    summary="A job: reads files and sends their records to a dataset in batches.",
    required=frozenset({"datasetRef", "source"}),
    references=(
        Reference("datasetRef", ("Dataset",)),
        Reference("fieldMappingRef", ("FieldMapping",)),
    ),
    check=check,
)
