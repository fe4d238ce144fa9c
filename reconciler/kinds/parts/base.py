"""The base of all spec models, and the field types that several kinds use.

Specs are strict: an unknown key is an error, and a YAML number never becomes a string by itself. Field names are
camelCase in YAML and snake_case in Python.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from reconciler.core.partial import Unvalidated
from reconciler.model import Model

URL_PATTERN = r"^https?://[^\s/?#]+([/?#]\S*)?$"
_PORT = "(0|[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
ADDRESS_PATTERN = rf"^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):{_PORT}$"


class Part(Model):
    """A mapping inside a spec."""

    if not TYPE_CHECKING:  # the checker is to know the fields, and nothing else

        def __getattr__(self, name: str) -> Any:
            """What is no attribute: a field of a spec that is valid in part only, or a mistake. Raises `Unvalidated`."""
            if name in type(self).model_fields:
                raise Unvalidated(name)
            return super().__getattr__(name)


LiveName = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""A name in the tenant (contract: Resources; at most 128 characters)."""

FieldName = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""A column or a field of a record."""

Word = Annotated[str, Field(min_length=1, max_length=255)]

Url = Annotated[str, Field(pattern=URL_PATTERN, max_length=2048, examples=["https://crm.example.com/api"])]

Address = Annotated[str, Field(pattern=ADDRESS_PATTERN, examples=["127.0.0.1:8808"])]
"""A socket to listen on, ``host:port``; port 0 takes any free one."""

Name = Annotated[str, Field(min_length=1, max_length=128)]
"""The ``metadata.name`` of another manifest."""

FilePath = Annotated[str, Field(min_length=1, max_length=1024)]
"""A path relative to the project's folder."""

Percent = Annotated[float, Field(ge=0, le=100)]


class Spec(Part):
    """What every spec has."""

    name: LiveName | None = Field(
        default=None,
        description="The name in the tenant. Changing it renames the live resource. Default: metadata.name.",
        examples=["customer-crm"],
    )
    description: str | None = Field(
        default=None,
        max_length=4096,
        description="What it is for, in a sentence that somebody else on the team understands.",
        examples=["Looks up callers before an agent answers"],
    )


class LocalSpec(Part):
    """What specs have that are not sent to the tenant as they are: fragments and data jobs."""

    name: LiveName | None = Field(
        default=None, description="What it is called in reports. Default: metadata.name.", examples=["Nightly orders"]
    )
    description: str | None = Field(
        default=None,
        max_length=4096,
        description="What it is for, in a sentence.",
        examples=["Loads last night's orders"],
    )
