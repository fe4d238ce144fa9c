"""The models of the files beside the project file: written guards with their cases, and acknowledgements."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from reconciler.core.guard_rule import CODE
from reconciler.loading.moments import zone_of
from reconciler.model import LABEL_PATTERN, Model


def _zone(value: str) -> str:
    zone_of(value)
    return value


def _moment(value: str) -> str:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("is not a time such as 2026-03-27T18:00:00+01:00") from None
    if moment.tzinfo is None:
        raise ValueError("has no offset: write 2026-03-27T18:00:00+01:00, or …Z for UTC")
    return value


Zone = Annotated[str, AfterValidator(_zone)]
Moment = Annotated[str, AfterValidator(_moment)]
Text = Annotated[str, Field(min_length=1, max_length=2000)]
Code = Annotated[str, Field(pattern=CODE)]


class CaseModel(Model):
    """One case of a rule: what it sees, and what it must say."""

    name: Text = Field(description="What the case shows.", examples=["a delete on a Friday"])
    expect: Literal["pass", "warn", "refuse"] = Field(description="What the rule must say.")
    change: dict[str, Any] = Field(
        default_factory=dict,
        description="For a rule over changes: the fields of `change` that matter; the others are neutral.",
        examples=[{"key": "Dataset/people", "action": "delete"}],
    )
    plan: dict[str, Any] = Field(
        default_factory=dict,
        description="For a rule over the plan: the fields of `plan` that matter; counts follow from changes.",
        examples=[{"counts": {"delete": 3}}],
    )
    target: Annotated[str, Field(pattern=LABEL_PATTERN)] | None = Field(
        default=None, description="The target's name. Default: the first that the rule is for, else local."
    )
    stack: str = Field(default="", description="The variable `stack`.")
    commit: str = Field(default="", description="The variable `commit`.")
    now: Moment | None = Field(
        default=None,
        description="The variable `now`, with an offset; `local` follows from it. Needed where the rule reads the time.",
        examples=["2026-03-27T18:00:00+01:00"],
    )
    message: str = Field(default="", description="A text that the message must contain.")


class RuleModel(Model):
    """One rule: what must be true of every change, or of the plan."""

    code: Code = Field(description="A stable code, for --allow and acknowledgements.", examples=["P-no-friday-deletes"])
    title: str = Field(default="", description="The rule in a few words. Default: its code.")
    explanation: str = Field(default="", description="Why it is there: what `reconciler explain CODE` says.")
    scope: Literal["change", "plan"] = Field(
        default="change", description="Whether it is about each change, or about the plan as a whole."
    )
    severity: Literal["error", "warning"] = Field(
        default="error", description="Whether what it does not accept is refused, or only told."
    )
    kinds: list[str] = Field(default_factory=list, description="Only changes of these kinds. Default: all.")
    targets: list[str] = Field(default_factory=list, description="Only on these targets. Default: all.")
    timezone: Zone = Field(
        default="UTC", description="The time zone of the variable `local`.", examples=["Europe/Berlin"]
    )
    when: str = Field(default="", description="A CEL expression: the rule applies where it is true. Default: always.")
    require: Text = Field(
        description="A CEL expression that must be true.", examples=['local.weekday != "Friday" || local.hour < 12']
    )
    message: Text = Field(
        description="What to say where it is not; {expression} shows a value.",
        examples=["{change.key} would be deleted on a Friday"],
    )
    fix: str = Field(default="", description="What to do about it.")
    cases: list[CaseModel] = Field(default_factory=list, description="What `reconciler test --guards` runs.")


class RulesModel(Model):
    """The rules of one file."""

    rules: Annotated[list[RuleModel], Field(min_length=1)] = Field(description="Rules, each with a code of its own.")


class FileMetadata(Model):
    """What a file of guards or acknowledgements is called."""

    name: Annotated[str, Field(pattern=LABEL_PATTERN)] = Field(
        description="A name, for people.", examples=["house-rules"]
    )
    labels: dict[str, str] = Field(default_factory=dict, description="Free labels.")
    annotations: dict[str, str] = Field(default_factory=dict, description="Free notes.")


class GuardRulesFile(Model):
    """Guards that the project writes itself, with the cases that show what they do."""

    api_version: Literal["cxone.reconciler/v1"] = Field(description="The version of this format.")
    kind: Literal["GuardRules"] = Field(description="Says that this is a file of guards.")
    metadata: FileMetadata = Field(description="What it is called.")
    spec: RulesModel = Field(description="The rules.")
