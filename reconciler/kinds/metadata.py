"""The ``metadata`` of every manifest: what it is called, where it applies, and what may happen to its live resource."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from reconciler.kinds.parts.base import Part
from reconciler.model import LABEL_PATTERN

Label = Annotated[str, Field(pattern=LABEL_PATTERN)]


class Lifecycle(Part):
    """What the owner allows to happen to the live resource."""

    protect: bool = Field(default=False, description="Refuse every plan that would delete the live resource.")
    ignore_changes: list[Annotated[str, Field(min_length=1)]] = Field(
        default_factory=list,
        description="Dotted paths that are sent when the resource is created, and never compared or updated after that.",
        examples=[["description"]],
    )
    deletion: Literal["delete", "retain"] = Field(
        default="delete",
        description="What becomes of the live resource when its manifest goes: deleted (with --prune), or left alone.",
    )


class Metadata(Part):
    """The name of a manifest and everything about it that is not sent to the tenant."""

    name: Label = Field(
        description="The manifest's name, unique for its kind in the project (an RFC 1123 label). References use it.",
        examples=["customer-crm"],
    )
    labels: dict[str, str] = Field(
        default_factory=dict,
        description="Free labels, for selecting with --only and --exclude. They stay in git.",
        examples=[{"team": "crm"}],
    )
    annotations: dict[str, str] = Field(
        default_factory=dict, description="Free notes for people and other tools. They stay in git."
    )
    targets: list[Label] | None = Field(
        default=None,
        min_length=1,
        description="Only these targets get the manifest; all of them when absent.",
        examples=[["dev", "prod"]],
    )
    moved_from: Annotated[str, Field(pattern=r"^[A-Z][A-Za-z0-9]*/[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")] | None = Field(
        default=None,
        description="The manifest's former key. Moves what the ledger knows to the new name and leaves the tenant alone.",
        examples=["Connector/old-name"],
    )
    lifecycle: Lifecycle = Field(
        default_factory=Lifecycle,
        description="What may happen to the live resource: protection, ignored fields, retaining.",
    )


METADATA_MODEL: type[Metadata] = Metadata
"""The model that validates ``metadata``, handed to the loader by whoever joins loader and kinds."""
