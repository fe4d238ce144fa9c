"""The model of a file of acknowledgements: what was accepted in review, why, by whom and until when."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from reconciler.loading.guard_model import FileMetadata, Text, Zone
from reconciler.loading.moments import expiry
from reconciler.model import Model


def _expiry(value: str) -> str:
    expiry(value, "UTC")
    return value


Expiry = Annotated[str, AfterValidator(_expiry)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{8,64}$")]


class EntryModel(Model):
    """One acknowledgement: one guard, one change."""

    code: Annotated[str, Field(pattern=r"^(G[0-9]{3}|P-[-a-z0-9]+)$")] = Field(
        description="The guard's code.", examples=["G017"]
    )
    key: Annotated[str, Field(pattern=r"^\w+/[\w.-]+$")] | None = Field(
        default=None,
        description="The resource that it is about, where the guard is about one.",
        examples=["Dataset/old"],
    )
    count: Annotated[int, Field(ge=0)] | None = Field(
        default=None,
        description="The number that is accepted, for guards that count (G001, G018, G019).",
        examples=[12],
    )
    freeze: str | None = Field(default=None, description="The freeze's name, for G020.", examples=["year-end"])
    change: Digest | None = Field(
        default=None,
        description="How the digest of the change begins, as the plan shows it (8 characters at least): any other change of the same "
        "resource is refused again. Without a key it is the plan's change digest.",
        examples=["3f9c01ab2345"],
    )
    fields: list[str] = Field(
        default_factory=list,
        description="Only these fields may change, as the plan writes them.",
        examples=[["columns.age"]],
    )
    targets: list[str] = Field(default_factory=list, description="Only on these targets. Default: all.")
    reason: Text = Field(description="Why it is accepted; shown in plans and reports.")
    by: Text = Field(description="Who accepts it.", examples=["anna@example.com"])
    expires: Expiry = Field(
        description="Until when: a day, which counts to its end in timezone, or a time with an offset.",
        examples=["2026-12-31", "2026-12-31T18:00:00+01:00"],
    )
    timezone: Zone = Field(default="UTC", description="The time zone of a day.", examples=["Europe/Berlin"])

    @model_validator(mode="after")
    def _one_subject(self) -> EntryModel:
        given = [name for name in ("key", "count", "freeze") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"names {' and '.join(given)}; one acknowledgement is about one thing")
        if self.fields and self.key is None:
            raise ValueError("names fields and no key that they belong to")
        return self

    @property
    def accepts(self) -> str:
        """What ``--allow`` would take."""
        if self.count is not None:
            return f"{self.code}={self.count}"
        subject = self.key or self.freeze
        return f"{self.code}:{subject}" if subject else self.code


class EntriesModel(Model):
    """The entries of one file."""

    acknowledgements: list[EntryModel] = Field(description="What is accepted; may be empty.")


class AcknowledgementsFile(Model):
    """What a project's reviewers accept although a guard does not."""

    api_version: Literal["cxone.reconciler/v1"] = Field(description="The version of this format.")
    kind: Literal["Acknowledgements"] = Field(description="Says that this is a file of acknowledgements.")
    metadata: FileMetadata = Field(description="What it is called.")
    spec: EntriesModel = Field(description="The acknowledgements.")
