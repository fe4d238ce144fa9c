"""Skill as a tenant would serve it."""

from __future__ import annotations

from reconciler.emulator.errors import Problem
from reconciler.emulator.fields import Choice, Doc, Integer, ListOf, MapOf, Member, Record, Text, optional
from reconciler.emulator.kind import DESCRIPTION, NAME, SECRET_MASK, Kind, Sampling


def _present(doc: Doc) -> Doc:
    if "settings" in doc:
        hidden = {key: value if key == "region" else SECRET_MASK for key, value in doc["settings"].items()}
        return doc | {"settings": hidden}
    return doc


def _restore(doc: Doc, stored: Doc | None) -> list[Problem]:
    before = (stored or {}).get("settings", {})
    for key, value in doc.get("settings", {}).items():
        if value == SECRET_MASK and key in before:
            doc["settings"][key] = before[key]
    return []


def _sample(sampling: Sampling) -> Doc:
    return {"name": f"skill-{sampling.index:05d}", "description": "", "channel": "voice", "level": 1, "tags": []}


KIND = Kind(
    name="Skill",
    id_prefix="k",
    collection="/api/v2/skills",
    read_scopes=frozenset({"data-actions:read"}),
    write_scopes=frozenset({"data-actions:write"}),
    record=Record(
        {
            "name": Member(NAME, required=True),
            "description": DESCRIPTION,
            "channel": Member(Choice(("voice", "chat")), required=True),
            "level": optional(Integer(1, 9), 1),
            "tags": Member(ListOf(Text(1, 64), unique=True), default=list),
            "settings": Member(MapOf(Text(1, 64), Text(0, 255))),
            "datasetId": Member(Text(1, 64), required=True),
        }
    ),
    counters={"agents": 0},
    references={"datasetId": "Dataset"},
    restore_masked=_restore,
    present=_present,
    sample=_sample,
    share=1,
)
