"""DataExtension: a table of bounded size that sync jobs fill (contract: Resources)."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.emulator.errors import Problem, conflict
from reconciler.emulator.fields import Choice, Doc, Flag, Integer, Json, ListOf, Member, Record, Text, optional
from reconciler.emulator.kind import DESCRIPTION, NAME, Kind, Sampling
from reconciler.emulator.schema_lock import locked_changes

MAX_STRING_LENGTH = 255
"""Characters that a string field may hold at most."""

MAX_STORAGE_MB = 1024

_BASE = Record(
    {
        "name": Member(Text(1, 128, r"[^\x00-\x1f\x7f]+", "must not hold control characters"), required=True),
        "type": Member(Choice(("string", "number", "boolean", "date")), required=True),
        "maxLength": Member(Integer(1, MAX_STRING_LENGTH), description="characters, for strings; 255 by default"),
        "nullable": optional(Flag(), default=True),
    }
)


@dataclass(frozen=True, slots=True)
class _Field:
    """One field; strings get the longest length where none is given."""

    def accept(self, value: Json, path: str, problems: list[Problem]) -> Json:
        field = _BASE.accept(value, path, problems)
        if isinstance(field, dict):
            if field.get("type") == "string":
                field.setdefault("maxLength", MAX_STRING_LENGTH)
            elif "maxLength" in field:
                problems.append(Problem(f"{path}.maxLength", "is for strings only"))
        return field

    def schema(self) -> Doc:
        return _BASE.schema()


def _check(doc: Doc) -> list[Problem]:
    seen: set[str] = set()
    problems: list[Problem] = []
    for index, field in enumerate(doc["fields"]):
        if field["name"] in seen:
            problems.append(Problem(f"fields[{index}].name", f"{field['name']!r} occurs twice"))
        seen.add(field["name"])
    return problems


def _by_name(doc: Doc) -> dict[str, Doc]:
    return {field["name"]: field for field in doc["fields"]}


def _guard_update(old: Doc, new: Doc, counters: Doc) -> None:
    if not counters["recordCount"]:
        return
    problems = locked_changes(_by_name(old), _by_name(new), "fields")
    if problems:
        text = f"the extension holds {counters['recordCount']} records; {problems[0].field} {problems[0].message}"
        raise conflict("SCHEMA_LOCKED", text, problems)


def _schema_view(doc: Doc) -> Doc:
    return {"fields": doc["fields"]}


_FIELDS: tuple[Doc, ...] = (
    {"name": "email", "type": "string", "nullable": True, "maxLength": 255},
    {"name": "phone", "type": "string", "nullable": True, "maxLength": 32},
    {"name": "tier", "type": "string", "nullable": True, "maxLength": 16},
    {"name": "lifetimeValue", "type": "number", "nullable": True},
    {"name": "openCases", "type": "number", "nullable": True},
    {"name": "optedIn", "type": "boolean", "nullable": True},
    {"name": "customerSince", "type": "date", "nullable": True},
    {"name": "lastOrder", "type": "date", "nullable": True},
)


def _sample(sampling: Sampling) -> Doc:
    random = sampling.random
    subject = random.choice(("profile", "loyalty", "consent", "billing"))
    fields = [{"name": "customerId", "type": "string", "nullable": False, "maxLength": 64}]
    fields.extend(dict(field) for field in random.sample(_FIELDS, random.randint(2, len(_FIELDS))))
    return {
        "name": f"customer-{subject}-{sampling.index:05d}",
        "description": f"What agents see of a customer: {subject}",
        "fields": fields,
        "storageLimitMb": random.choice((64, 256, 512, MAX_STORAGE_MB)),
    }


def _sample_counters(sampling: Sampling, doc: Doc) -> Doc:
    """Every other extension is in use."""
    used = sampling.random.choice((0, sampling.random.randint(1, doc["storageLimitMb"])))
    return {"recordCount": used * 2_000, "storageUsedMb": used}


KIND = Kind(
    name="DataExtension",
    id_prefix="x",
    collection="/api/v2/data/extensions",
    read_scopes=frozenset({"data:read"}),
    write_scopes=frozenset({"data:write"}),
    record=Record(
        {
            "name": Member(NAME, required=True),
            "description": DESCRIPTION,
            "fields": Member(ListOf(_Field(), min_items=1), required=True, description="names must be unique"),
            "storageLimitMb": optional(Integer(1, MAX_STORAGE_MB), MAX_STORAGE_MB),
        }
    ),
    counters={"recordCount": 0, "storageUsedMb": 0},
    populated_field="recordCount",
    check=_check,
    guard_update=_guard_update,
    views={"schema": _schema_view},
    sample=_sample,
    sample_counters=_sample_counters,
    share=20,
)
