"""The model of ``spec.guards`` in the project file: limits, files of guards and acknowledgements, freezes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from reconciler.core.selection import Selector
from reconciler.loading.guard_model import Zone
from reconciler.loading.moments import week_time
from reconciler.model import LABEL_PATTERN, Model


def stay_inside(value: str) -> str:
    """Return a path inside the project; raises `ValueError` for one that leads out."""
    if value.startswith("/") or ".." in value.split("/") or not value:
        raise ValueError("must stay inside the project: a relative path without ..")
    return value


Inside = Annotated[str, AfterValidator(stay_inside)]
Percent = Annotated[float, Field(ge=0, le=100)]


def _weekly(value: str) -> str:
    """A weekday and a time."""
    week_time(value)
    return value


def _local(value: str) -> str:
    """A local time, whose zone is told beside it."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("is not a local time such as 2026-12-20T18:00") from None
    if moment.tzinfo is not None:
        raise ValueError("has an offset; a freeze is in local time, and timezone says where")
    return value


def _selector(value: str) -> str:
    Selector.parse(value)
    return value


WeekTimeText = Annotated[str, AfterValidator(_weekly)]
LocalText = Annotated[str, AfterValidator(_local)]
SelectorText = Annotated[str, AfterValidator(_selector)]


class WeeklyModel(Model):
    """A window that comes every week."""

    begin: WeekTimeText = Field(alias="from", description="Weekday and local time.", examples=["Friday 16:00"])
    end: WeekTimeText = Field(
        alias="to", description="Weekday and local time, not included.", examples=["Monday 06:00"]
    )


class FreezeModel(Model):
    """A time in which nothing is applied."""

    name: Annotated[str, Field(pattern=LABEL_PATTERN)] = Field(
        description="What --allow G020:NAME and acknowledgements call it.", examples=["year-end"]
    )
    begin: LocalText | None = Field(
        default=None, alias="from", description="Local time at which it begins.", examples=["2026-12-20T18:00"]
    )
    end: LocalText | None = Field(
        default=None,
        alias="to",
        description="Local time at which it ends, not included.",
        examples=["2027-01-04T06:00"],
    )
    weekly: WeeklyModel | None = Field(default=None, description="Every week instead of once.")
    timezone: Zone = Field(description="The IANA time zone of the local times.", examples=["Europe/Berlin"])
    reason: Annotated[str, Field(min_length=1)] = Field(description="Why; shown to whoever it stops.")
    targets: list[str] = Field(default_factory=list, description="Only on these targets. Default: all.")
    allow: list[SelectorText] = Field(
        default_factory=list,
        description="Selectors of changes that pass all the same: Kind/name with globs, label=value, @file.",
        examples=[["hotfix=yes"]],
    )

    @model_validator(mode="after")
    def _one_window(self) -> FreezeModel:
        if self.weekly is None:
            if self.begin is None or self.end is None:
                raise ValueError("needs from and to, or weekly")
            if datetime.fromisoformat(self.begin) >= datetime.fromisoformat(self.end):
                raise ValueError("ends before it begins")
        elif self.begin is not None or self.end is not None:
            raise ValueError("has either from and to, or weekly")
        elif week_time(self.weekly.begin) == week_time(self.weekly.end):
            raise ValueError("weekly begins and ends at the same time")
        return self


class GuardsModel(Model):
    """Limits that a plan must keep."""

    max_deletes: Annotated[int, Field(ge=0)] = Field(default=5, description="Deletes in one plan at most.")
    max_delete_percent: Percent = Field(default=30.0, description="Per cent of a kind that may be deleted.")
    max_update_percent: Percent = Field(default=50.0, description="Per cent of a kind that may be updated.")
    max_requests: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="Requests that applying may take. Default: any number.", examples=[2000]
    )
    max_seconds: Annotated[float, Field(ge=0)] | None = Field(
        default=None, description="Seconds that applying may take at the target's limit. Default: any.", examples=[600]
    )
    rules: list[Inside] = Field(
        default_factory=list,
        description="Files and folders with guards that the project writes itself (kind GuardRules).",
        examples=[["guards"]],
    )
    acknowledgements: list[Inside] = Field(
        default_factory=list,
        description="Files with what was accepted in review (kind Acknowledgements).",
        examples=[["acknowledgements.yaml"]],
    )
    freezes: list[FreezeModel] = Field(default_factory=list, description="Times in which nothing is applied.")
