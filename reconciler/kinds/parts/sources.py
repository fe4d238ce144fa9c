"""Where data jobs get their records: files of the project's machine, or an address that the tenant fetches itself."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator

from reconciler.kinds.parts.base import Address, FilePath, Part, Url

FileFormat = Literal["csv", "ndjson", "json", "parquet"]

_PATH = "One file or a glob, relative to the project."
_FORMAT = "How the files are written. json is one array of records, ndjson one record a line."


class FileSource(Part):
    """Files that are read here and sent in batches."""

    path: FilePath = Field(description=_PATH, examples=["data/orders-*.csv"])
    format: FileFormat = Field(description=_FORMAT, examples=["csv"])


class Serve(Part):
    """How records are offered to the tenant while the job runs."""

    listen: Address = Field(
        default="127.0.0.1:0",
        description="host:port to listen on; port 0 takes any free one.",
        examples=["0.0.0.0:8808"],
    )
    public_url: Url | None = Field(
        default=None,
        description="The address under which the tenant reaches it. Default: the one that is listened on.",
        examples=["https://etl.example.com/records"],
    )


class ServedSource(Part):
    """Files that are read here and served page by page for the tenant to fetch."""

    path: FilePath = Field(description=_PATH, examples=["data/customers.csv"])
    format: FileFormat = Field(description=_FORMAT, examples=["csv"])
    serve: Serve = Field(
        default_factory=Serve, description="How the records are offered to the tenant while the job runs."
    )


class UrlSource(Part):
    """An address that the tenant fetches records from by itself."""

    url: Url = Field(
        description="Answers a JSON array of records, or {records, next} page by page.",
        examples=["https://crm.example.com/export/customers"],
    )


SyncSource = ServedSource | UrlSource


def _either_source(value: Any) -> SyncSource:
    # Picking the form by its key keeps the errors of one form out of the other's.
    if isinstance(value, SyncSource):
        return value
    by_url = isinstance(value, dict) and "url" in value
    return UrlSource.model_validate(value) if by_url else ServedSource.model_validate(value)


AnySyncSource = Annotated[SyncSource, PlainValidator(_either_source, json_schema_input_type=SyncSource)]
"""A source that the tenant fetches from: ours while the job runs, or somebody else's."""
