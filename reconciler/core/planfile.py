"""A plan as JSON and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, get_args

from reconciler.core.codec import decode_tree, encode_tree, entry_from_json, entry_to_json
from reconciler.core.compare import FieldChange, SecretState, Status, all_new
from reconciler.core.diagnostic import Mark
from reconciler.core.plan import (
    Acknowledged,
    Action,
    Change,
    Cost,
    Header,
    Operation,
    Orphan,
    Plan,
    Problem,
    Step,
    summary,
)
from reconciler.core.plandigest import ABSENT_JSON, change_digest, plan_digest, value_to_json
from reconciler.core.resource import Key, Pin, PinStyle
from reconciler.core.schema_change import SchemaEffect
from reconciler.core.values import ABSENT

FORMAT_VERSION = "1.1"
"""Major and minor version of the plan's JSON; a reader refuses a newer major."""

_HEADER = ("target", "url", "stack", "created", "expires", "commit", "manifests", "tool")
_ACKNOWLEDGED = ("accepts", "message", "reason", "by", "expires", "source")
_ACTIONS = frozenset(get_args(Action))
_OPERATIONS = frozenset(get_args(Operation))
_STYLES = frozenset(get_args(PinStyle))
_STATUSES = frozenset(get_args(Status))
_SECRETS = frozenset(get_args(SecretState))


def plan_to_json(plan: Plan) -> dict[str, Any]:
    """The whole plan as JSON, digests included. Secrets are references and fingerprints, bundles SHA-256."""
    data = _plan_to_json(plan, [_change_to_json(change) for change in plan.changes])
    data["changeDigest"] = change_digest(plan)
    data["planDigest"] = plan_digest(data)
    return data


def plan_to_record(plan: Plan, spelled: Callable[[dict[str, Any]], Any] = lambda change: change) -> dict[str, Any]:
    """The whole plan as JSON for a journal: without its digests, which take as long as all the rest, as its lines have their own.

    The fields of a create, which are the ones of its entry, are not written a third time. ``spelled`` is what each change's JSON is
    replaced by: whoever writes all of it can do that one by one.
    """
    return _plan_to_json(plan, [spelled(_change_to_record(change)) for change in plan.changes])


def _plan_to_json(plan: Plan, changes: list[Any]) -> dict[str, Any]:
    return {
        "format_version": FORMAT_VERSION,
        "summary": summary(plan),
        "header": header_to_json(plan.header),
        "partial": plan.partial,
        "narrowed": list(plan.narrowed),
        "manifests": plan.manifests,
        "unchanged": plan.unchanged,
        "sizes": dict(plan.sizes),
        "cost": {"requests": plan.cost.requests, "seconds": plan.cost.seconds},
        "drift": [str(change.key) for change in plan.drifted],
        "changes": changes,
        "orphans": [
            {"key": str(item.key), "name": item.live_name, "id": item.resource_id, "reason": item.reason}
            for item in plan.orphans
        ],
        "problems": [_problem_to_json(item) for item in plan.problems],
        "warnings": list(plan.warnings),
        "acknowledged": acknowledged_to_json(plan.acknowledged),
    }


def acknowledged_to_json(items: Iterable[Acknowledged]) -> list[dict[str, str]]:
    """What was accepted, as plans and reports hold it."""
    return [{name: getattr(item, name) for name in _ACKNOWLEDGED} for item in items]


def acknowledged_from_json(items: Iterable[Mapping[str, Any]]) -> tuple[Acknowledged, ...]:
    """Read it back; raises `KeyError` or `TypeError` for what is no acknowledgement."""
    return tuple(Acknowledged(**{name: str(item[name]) for name in _ACKNOWLEDGED}) for item in items)


def _value_from_json(value: Any) -> Any:
    return ABSENT if value == ABSENT_JSON else decode_tree(value)


def _change_to_json(change: Change) -> dict[str, Any]:
    return _with_fields(change, [_field_to_json(item, change.marks) for item in change.fields])


def _change_to_record(change: Change) -> dict[str, Any]:
    if change.action != "create" or change.entry is None:
        return _change_to_json(change)
    return {**_with_fields(change, None), "marks": {label: str(mark) for label, mark in change.marks.items()}}


def _with_fields(change: Change, fields: list[Any] | None) -> dict[str, Any]:
    entry = entry_to_json(change.entry) if change.entry else {}
    return {
        "key": str(change.key),
        "action": change.action,
        "name": change.live_name,
        "id": change.resource_id,
        "reason": change.reason,
        "movedFrom": str(change.moved_from) if change.moved_from else None,
        "pin": {"style": change.pin.style, "value": change.pin.value, "digest": change.pin.digest},
        "steps": [{"operation": step.operation, "body": _body(change, step, entry)} for step in change.steps],
        "fields": fields,
        "unchecked": [list(path) for path in change.unchecked],
        "entry": entry or None,
        "after": [str(key) for key in change.after],
        "source": str(change.mark) if change.mark else None,
        "modified": {"by": change.modified[0], "time": change.modified[1]},
        "effects": [{"effect": e.effect, "column": e.column, "message": e.message} for e in change.effects],
        "touches": [str(key) for key in change.touches],
        "bundleFiles": [list(item) for item in change.bundle_files],
        "labels": dict(change.labels),
        "annotations": dict(change.annotations),
    }


def _body(change: Change, step: Step, entry: Mapping[str, Any]) -> Any:
    # What a create sends is mostly the very tree that its entry holds.
    return entry["fields"] if change.entry and step.body is change.entry.fields else encode_tree(step.body)


def _field_to_json(item: FieldChange, marks: Mapping[str, Mark | None]) -> dict[str, Any]:
    label = item.label
    mark = marks.get(label)
    return {
        "label": label,
        "path": list(item.path),
        "keyed": item.keyed,
        "status": item.status,
        "base": value_to_json(item.base),
        "before": value_to_json(item.live),
        "after": value_to_json(item.desired),
        "secret": item.secret,
        "source": str(mark) if mark else None,
    }


def _problem_to_json(item: Problem) -> dict[str, Any]:
    return {
        "code": item.code,
        "message": item.message,
        "fix": item.fix,
        "key": str(item.key) if item.key else None,
        "acknowledge": item.acknowledge,
        "change": item.change,
    }


def plan_from_json(data: Mapping[str, Any]) -> Plan:
    """Read a plan back; raises `ValueError` where the JSON is not a plan of a version that this tool reads.

    The digest is not checked here: see `plan_digest`.
    """
    return _plan_from_json(data, _change_from_json)


def plan_from_record(data: Mapping[str, Any]) -> Plan:
    """Read the plan of a journal back (`plan_to_record`); raises as `plan_from_json`."""
    return _plan_from_json(data, _change_from_record)


def _plan_from_json(data: Mapping[str, Any], change_from: Callable[[Mapping[str, Any]], Change]) -> Plan:
    if not isinstance(data, Mapping):
        raise ValueError("not a plan: it is no JSON object")  # noqa: TRY004
    if "format_version" not in data:
        raise ValueError("not a plan: it has no format_version")
    major = str(data["format_version"]).partition(".")[0]
    if major != FORMAT_VERSION.partition(".")[0]:
        raise ValueError(f"format_version {data['format_version']!r} is not {FORMAT_VERSION}")
    try:
        return Plan(
            header=header_from_json(data["header"]),
            changes=tuple(change_from(item) for item in data["changes"]),
            orphans=tuple(
                Orphan(Key.parse(item["key"]), str(item["name"]), str(item["id"]), str(item["reason"]))
                for item in data["orphans"]
            ),
            problems=tuple(_problem_from_json(item) for item in data["problems"]),
            warnings=tuple(str(item) for item in data["warnings"]),
            unchanged=int(data["unchanged"]),
            sizes={str(key): int(value) for key, value in data["sizes"].items()},
            partial=bool(data["partial"]),
            narrowed=tuple(str(item) for item in data.get("narrowed", ())),
            manifests=int(data["manifests"]),
            cost=Cost(int(data["cost"]["requests"]), float(data["cost"]["seconds"])),
            acknowledged=acknowledged_from_json(data.get("acknowledged", ())),
        )
    except KeyError as error:
        raise ValueError(f"not a plan that this tool wrote: it lacks {error}") from error
    except (TypeError, AttributeError, IndexError) as error:
        raise ValueError("not a plan that this tool wrote: a part of it has another form") from error


def _change_from_json(item: Mapping[str, Any]) -> Change:
    return _with_fields_read(_without_fields(item), item)


def _change_from_record(item: Mapping[str, Any]) -> Change:
    change = _without_fields(item)
    if item["fields"] is not None or change.entry is None:
        return _with_fields_read(change, item)
    marks = {str(label): mark_from_text(source) for label, source in item["marks"].items()}
    return replace(change, fields=all_new(change.entry.fields), marks=marks)


def _with_fields_read(change: Change, item: Mapping[str, Any]) -> Change:
    fields = tuple(_field_from_json(field) for field in item["fields"])
    marks = {field["label"]: mark_from_text(field["source"]) for field in item["fields"] if field["source"]}
    return replace(change, fields=fields, marks=marks)


def _without_fields(item: Mapping[str, Any]) -> Change:
    key = Key.parse(item["key"])
    change = Change(
        key,
        item["action"],
        str(item["name"]),
        str(item["id"]),
        Pin(item["pin"]["style"], str(item["pin"]["value"]), str(item["pin"]["digest"])),
        tuple(Step(step["operation"], dict(decode_tree(step["body"]))) for step in item["steps"]),
        unchecked=tuple(tuple(str(part) for part in path) for path in item["unchecked"]),
        entry=entry_from_json(key, item["entry"]) if item["entry"] is not None else None,
        after=tuple(Key.parse(text) for text in item["after"]),
        reason=str(item["reason"]),
        moved_from=Key.parse(item["movedFrom"]) if item["movedFrom"] else None,
        mark=mark_from_text(item["source"]) if item["source"] else None,
        modified=(str(item["modified"]["by"]), str(item["modified"]["time"])),
        effects=tuple(SchemaEffect(e["effect"], str(e["column"]), str(e["message"])) for e in item["effects"]),
        touches=tuple(Key.parse(text) for text in item["touches"]),
        bundle_files=tuple((str(name), str(what)) for name, what in item["bundleFiles"]),
        # Plans of format 1.0 had neither.
        labels={str(name): str(value) for name, value in item.get("labels", {}).items()},
        annotations={str(name): str(value) for name, value in item.get("annotations", {}).items()},
    )
    known = change.action in _ACTIONS and change.pin.style in _STYLES
    if not known or any(step.operation not in _OPERATIONS for step in change.steps):
        raise ValueError(f"{key}: an action, a step or a pin that this version does not know")
    return change


def _field_from_json(item: Mapping[str, Any]) -> FieldChange:
    if item["status"] not in _STATUSES or item["secret"] not in _SECRETS:
        raise ValueError("a field's status that this version does not know")
    return FieldChange(
        tuple(str(part) for part in item["path"]),
        item["status"],
        _value_from_json(item["base"]),
        _value_from_json(item["after"]),
        _value_from_json(item["before"]),
        item["secret"],
        int(item["keyed"]),
    )


def _problem_from_json(item: Mapping[str, Any]) -> Problem:
    key = Key.parse(item["key"]) if item["key"] else None
    texts = str(item["acknowledge"]), str(item.get("change", ""))
    return Problem(str(item["code"]), str(item["message"]), str(item["fix"]), key, *texts)


def header_to_json(header: Header) -> dict[str, str]:
    """A header as JSON."""
    return {name: getattr(header, name) for name in _HEADER}


def header_from_json(data: Mapping[str, Any]) -> Header:
    """Read a header back; raises `KeyError` where a part of it is missing."""
    return Header(**{name: str(data[name]) for name in _HEADER})


def mark_from_text(text: str) -> Mark:
    """Read ``file:line:column``; raises `ValueError` for anything else."""
    file, line, column = text.rsplit(":", 2)
    return Mark(file, int(line), int(column))
