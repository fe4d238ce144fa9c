"""Dataset: a table with a primary key that records are ingested into (contract: Resources)."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.emulator.errors import Problem, conflict
from reconciler.emulator.fields import Choice, Doc, Flag, Integer, Json, MapOf, Member, Record, Text, optional
from reconciler.emulator.kind import DESCRIPTION, NAME, Kind, Sampling
from reconciler.emulator.schema_lock import locked_changes

TYPES = ("string", "number", "boolean", "date")

_TYPE = Choice(TYPES)
_COLUMN_NAME = Text(1, 128, r"[^\x00-\x1f\x7f]+", "must not hold control characters")
_LONG = Record(
    {
        "type": Member(_TYPE, required=True),
        "nullable": optional(Flag(), default=True),
        "maxLength": Member(Integer(1, 2**31 - 1), description="characters, for strings"),
        "description": Member(Text(0, 4096)),
    }
)


@dataclass(frozen=True, slots=True)
class _Column:
    """A column as a bare type or in the long form, which is what is kept."""

    def accept(self, value: Json, path: str, problems: list[Problem]) -> Json:
        if isinstance(value, str):
            return {"type": _TYPE.accept(value, path, problems), "nullable": True}
        column = _LONG.accept(value, path, problems)
        if isinstance(column, dict) and "maxLength" in column and column.get("type") != "string":
            problems.append(Problem(f"{path}.maxLength", "is for strings only"))
        return column

    def schema(self) -> Doc:
        return {"anyOf": [_TYPE.schema(), _LONG.schema()]}


def _check(doc: Doc) -> list[Problem]:
    key = doc["columns"].get(doc["primaryKey"])
    if key is None:
        return [Problem("primaryKey", f"{doc['primaryKey']!r} is not one of the columns")]
    key["nullable"] = False  # the primary key never is (contract: Resources), however it was declared
    return []


def _guard_update(old: Doc, new: Doc, counters: Doc) -> None:
    if not counters["recordCount"]:
        return
    problems = locked_changes(old["columns"], new["columns"], "columns")
    if new["primaryKey"] != old["primaryKey"]:
        problems.insert(0, Problem("primaryKey", "can't change while there are records"))
    if problems:
        text = f"the dataset holds {counters['recordCount']} records; {problems[0].field} {problems[0].message}"
        raise conflict("SCHEMA_LOCKED", text, problems)


def _guard_delete(counters: Doc, *, force: bool) -> None:
    if counters["recordCount"] and not force:
        text = f"the dataset holds {counters['recordCount']} records; delete it with ?force=true"
        raise conflict("IN_USE", text, [Problem("recordCount", text)])


_COLUMNS: tuple[tuple[str, Doc], ...] = (
    ("customer_email", {"type": "string", "nullable": True, "maxLength": 255}),
    ("ticket_priority", {"type": "number", "nullable": True}),
    ("is_resolved", {"type": "boolean", "nullable": True}),
    ("resolved_date", {"type": "date", "nullable": True}),
    ("account_tier", {"type": "string", "nullable": True, "maxLength": 32}),
    ("opened_date", {"type": "date", "nullable": False}),
    ("queue_name", {"type": "string", "nullable": True, "description": "queue at the time of contact"}),
    ("handle_seconds", {"type": "number", "nullable": True}),
    ("satisfaction_score", {"type": "number", "nullable": True}),
)


def _sample(sampling: Sampling) -> Doc:
    random = sampling.random
    subject = random.choice(("tickets", "customers", "surveys", "orders", "callbacks"))
    columns: Doc = {"external_id": {"type": "string", "nullable": False, "maxLength": 64}}
    columns.update(random.sample(_COLUMNS, random.randint(3, len(_COLUMNS))))
    return {
        "name": f"{subject}-{random.choice(('daily', 'history', 'live'))}-{sampling.index:05d}",
        "description": f"{subject.capitalize()} from the warehouse",
        "primaryKey": "external_id",
        "columns": {name: dict(column) for name, column in columns.items()},
    }


def _sample_counters(sampling: Sampling, _doc: Doc) -> Doc:
    """Every other dataset is in use."""
    return {"recordCount": sampling.random.choice((0, sampling.random.randint(1, 250_000)))}


KIND = Kind(
    name="Dataset",
    id_prefix="d",
    collection="/api/v2/data-actions/datasets",
    read_scopes=frozenset({"data-actions:read"}),
    write_scopes=frozenset({"data-actions:write"}),
    record=Record(
        {
            "name": Member(NAME, required=True),
            "description": DESCRIPTION,
            "primaryKey": Member(_COLUMN_NAME, required=True, description="one of the columns; never nullable"),
            "columns": Member(MapOf(_COLUMN_NAME, _Column(), min_items=1), required=True),
        }
    ),
    counters={"recordCount": 0},
    populated_field="recordCount",
    check=_check,
    guard_update=_guard_update,
    guard_delete=_guard_delete,
    sample=_sample,
    sample_counters=_sample_counters,
    share=25,
)
