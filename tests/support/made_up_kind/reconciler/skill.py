"""Skill: a kind that the product does not have, to show that a new one is one file."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from reconciler.core.kind import Kind, Reference, SecretMap, Wire
from reconciler.kinds.parts.base import Name, Spec


class SkillSpec(Spec):
    """What agents can do, and where it is taught."""

    channel: Literal["voice", "chat"] = Field(description="Where it is used.", examples=["voice"])
    level: Annotated[int, Field(ge=1, le=9)] | None = Field(default=None, description="How hard.", examples=[3])
    tags: list[str] | None = Field(default=None, description="In no order.", examples=[["sales"]])
    settings: dict[str, str] | None = Field(default=None, description="Secret but for region.")
    dataset_ref: Name | None = Field(default=None, description="A table of who has it.", examples=["people"])


KIND = Kind(
    name="Skill",
    kind_class="resource",
    spec=SkillSpec,
    summary="What agents can do.",
    wire=Wire(
        collection="/api/v2/skills",
        read_scopes=("data-actions:read",),
        write_scopes=("data-actions:write",),
    ),
    read_only=frozenset({"id", "etag", "createdTime", "lastModifiedTime", "lastModifiedBy", "agents"}),
    volatile=frozenset({"agents"}),
    required=frozenset({"name", "channel"}),
    defaults={"level": 1, "tags": []},
    sets=frozenset({"tags"}),
    secret_maps=(SecretMap("settings", plain=frozenset({"region"})),),
    references=(Reference("datasetRef", ("Dataset",), wire_field="datasetId"),),
)
