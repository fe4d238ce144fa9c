"""What a request to ingest records may hold, and what it is refused for before any record is looked at. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal

from reconciler.emulator.errors import ApiError, Problem, invalid
from reconciler.emulator.fields import Choice, Doc, Flag, Json, ListOf, Member, Record, Text, join, optional

MAX_RECORDS = 1_000
"""Records in one batch (contract: Operations)."""

MAX_BYTES = 16 * 1024 * 1024
"""Bytes in the body of one batch; the contract says that there is a limit, not which."""

Mode = Literal["upsert", "reject", "skip"]


@dataclass(frozen=True, slots=True)
class _Objects:
    """An array of objects, whose members the dataset's columns decide about."""

    def accept(self, value: Json, path: str, problems: list[Problem]) -> Json:
        if not isinstance(value, list):
            problems.append(Problem(path, "must be an array"))
        elif not set(map(type, value)) <= {dict}:
            wrong = [index for index, record in enumerate(value) if type(record) is not dict]
            problems.extend(Problem(join(path, index), "must be an object") for index in wrong)
        return value

    def schema(self) -> Doc:
        return {"type": "array", "items": {"type": "object"}, "maxItems": MAX_RECORDS}


_STRATEGY = Record(
    {
        "mode": optional(Choice(("upsert", "reject", "skip")), "upsert"),
        "keys": Member(ListOf(Text(1, 128), unique=True), default=list, description="the primary key where empty"),
    }
)
_INFERENCE = Record(
    {
        "enabled": optional(Flag(), default=False, description="unknown columns are added, unless strictMode is on"),
        "strictMode": optional(Flag(), default=True, description="unknown columns are refused; else left out or added"),
    }
)
BODY = Record(
    {
        "records": Member(_Objects(), required=True),
        "deduplicationStrategy": Member(_STRATEGY, default=lambda: _STRATEGY.accept({}, "", [])),
        "schemaInference": Member(_INFERENCE, default=lambda: _INFERENCE.accept({}, "", [])),
    }
)
"""The body of ``POST …/datasets/{id}/records``."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch: its records as they came, and what to do about duplicates and unknown columns."""

    records: list[Doc]
    mode: Mode
    keys: tuple[str, ...]
    infer: bool
    strict: bool


def read_batch(body: Doc) -> Batch:
    """Read a batch; raises the 413 for too many records, and the 400 for a body that is not right."""
    records = body.get("records")
    if isinstance(records, list) and len(records) > MAX_RECORDS:
        text = f"a batch may have {MAX_RECORDS} records at most; this one has {len(records)}"
        problem = Problem("records", f"must have at most {MAX_RECORDS} elements")
        raise ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "TOO_MANY_RECORDS", text, [problem])
    problems: list[Problem] = []
    accepted = BODY.accept(body, "", problems)
    if problems:
        raise invalid(problems)
    strategy, inference = accepted["deduplicationStrategy"], accepted["schemaInference"]
    return Batch(
        accepted["records"],
        strategy["mode"],
        tuple(strategy["keys"]),
        inference["enabled"],
        inference["strictMode"],
    )
