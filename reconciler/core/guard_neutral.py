"""What a case of a written guard leaves out: neutral values, so that a case says only what matters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reconciler.core.guard_view import CHANGE_FIELDS, PLAN_FIELDS, plain

_ZERO: Final = {"string": "", "bool": False, "int": 0, "double": 0.0, "list": (), "map": {}}
_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "string": (str,),
    "bool": (bool,),
    "int": (int,),
    "double": (int, float),
    "list": (list,),
    "map": (dict,),
}
_ACTIONS: Final = ("create", "update", "delete", "adopt", "forget", "drifted", "all")


def misfit(field: tuple[str, str], value: Any) -> str:
    """The type that a field has where a value is of another one; empty where it fits."""
    name = field[0].partition("(")[0]
    wrong = not isinstance(value, _TYPES[name]) or (isinstance(value, bool) and name != "bool")
    return field[0] if wrong else ""


def neutral_change(given: Mapping[str, Any]) -> dict[str, Any]:
    """A whole ``change`` from what a case gives of it; kind and name follow from the key, and the key from them."""
    kind, _, name = str(given.get("key", "")).partition("/")
    whole = {**_neutral(CHANGE_FIELDS), "action": "update", "schemaChange": "none", "kind": kind, "name": name}
    whole |= {field: plain(value) for field, value in given.items()}
    if "key" not in given and whole["kind"] and whole["name"]:
        whole["key"] = f"{whole['kind']}/{whole['name']}"
    whole["liveName"] = whole["liveName"] or whole["name"]
    blank = {"path": "", "status": "ours", "before": None, "after": None, "secret": ""}
    whole["fields"] = [{**blank, **item} if isinstance(item, dict) else item for item in whole["fields"]]
    return whole


def neutral_plan(given: Mapping[str, Any]) -> dict[str, Any]:
    """A whole ``plan`` from what a case gives of it: counts follow from the changes, but where they are given."""
    whole = {**_neutral(PLAN_FIELDS), **{field: plain(value) for field, value in given.items()}}
    changes = [neutral_change(item) if isinstance(item, dict) else item for item in whole["changes"]]
    kinds = sorted({item["kind"] for item in changes if isinstance(item, dict)} | set(whole["kinds"]))
    of_kind = {kind: [item for item in changes if isinstance(item, dict) and item["kind"] == kind] for kind in kinds}
    whole["changes"] = changes
    whole["counts"] = {**_counts(changes), **whole["counts"]}
    whole["kinds"] = {kind: {**_counts(of_kind[kind]), **whole["kinds"].get(kind, {})} for kind in kinds}
    return whole


def _neutral(fields: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    values = {name: _ZERO[kind.partition("(")[0]] for name, (kind, _) in fields.items()}
    return {
        name: list(value) if value == () else dict(value) if value == {} else value for name, value in values.items()
    }


def _counts(changes: list[Any]) -> dict[str, int]:
    counts = dict.fromkeys(_ACTIONS, 0)
    for item in changes:
        if item["action"] in counts:
            counts[item["action"]] += 1
    return {**counts, "drifted": sum(bool(item["drifted"]) for item in changes), "all": len(changes)}
