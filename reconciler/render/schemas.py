"""JSON Schemas (2020-12) of the documents that this tool writes: plans, reports, and the events of an apply.

Every object is closed, so that a field which is added to a document and not here fails the test that holds the two together.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, get_args

from reconciler.core.compare import SecretState, Status
from reconciler.core.exchange import Outcome
from reconciler.core.plan import Action, Operation
from reconciler.core.report import Verdict
from reconciler.core.resource import PinStyle

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_FORMAT = {"type": "string", "pattern": r"^1\.[0-9]+$", "description": "Major and minor version of this format."}
_SHA256 = {"type": "string", "pattern": "^[0-9a-f]{64}$"}


def schema_files() -> dict[str, str]:
    """The schemas' texts by file name."""
    from reconciler.render.difference_schema import difference_schema

    schemas = {
        "plan.json": plan_schema(),
        "report.json": report_schema(),
        "apply-events.json": events_schema(),
        "diff.json": difference_schema(DIALECT),
    }
    return {name: json.dumps(schema, indent=2, ensure_ascii=False) + "\n" for name, schema in schemas.items()}


def plan_schema() -> Schema:
    """The schema of a plan: what ``plan --format json`` prints and ``plan --out`` saves."""
    schema = _closed(
        {
            "format_version": _FORMAT,
            "summary": _text("The account in one line."),
            "header": {"$ref": "#/$defs/header"},
            "partial": {
                "type": "boolean",
                "description": "Whether the run was narrowed: nothing is deleted or forgotten.",
            },
            "narrowed": _list({"type": "string"}, "What it was narrowed to: paths and options; empty: nothing."),
            "manifests": _count("Resource manifests of the project that were planned."),
            "unchanged": _count("Resources that are as declared."),
            "sizes": _map(_count("Owned resources of one kind."), "Owned resources by kind."),
            "cost": _closed(
                {
                    "requests": _count("Requests that applying takes."),
                    "seconds": {"type": "number", "minimum": 0, "description": "At the target's limit; 0 without one."},
                }
            ),
            "drift": _list(_KEY, "What somebody changed in the tenant behind git's back, conflicts first."),
            "changes": _list({"$ref": "#/$defs/change"}, "In apply order."),
            "orphans": _list({"$ref": "#/$defs/orphan"}, "Owned resources without a manifest that are left alone."),
            "problems": _list({"$ref": "#/$defs/problem"}, "What stands in the way; a plan with any is not applied."),
            "warnings": _list({"type": "string"}, "What else to know."),
            "acknowledged": _list({"$ref": "#/$defs/acknowledged"}, "What is accepted although a guard does not."),
            "changeDigest": {**_SHA256, "description": "Over the changes alone: what `apply --expect` takes."},
            "planDigest": {**_SHA256, "description": "Over everything but itself."},
        }
    )
    return _document("plan.json", "A plan of reconciler", schema, _PLAN_PARTS)


def report_schema() -> Schema:
    """The schema of a report: what became of every change."""
    schema = _closed(
        {
            "format_version": _FORMAT,
            "verdict": {**_one_of(Verdict), "description": "One word for the run; the exit code follows from it."},
            "account": _text("The outcomes in one line."),
            "header": {"$ref": "#/$defs/header"},
            "results": _list({"$ref": "#/$defs/result"}, "One for every change, in plan order."),
            "acknowledged": _list({"$ref": "#/$defs/acknowledged"}, "What was accepted although a guard does not."),
            "diverged": _list(
                _closed({"key": _KEY, "message": _text("What differs.")}), "What was read back other than planned."
            ),
            "signal": _count("The signal that ended the run, 0 for none."),
            "requests": _map(_count("Requests of one sort."), "Requests that were sent, by sort."),
        }
    )
    parts = {"header": _HEADER, "result": _RESULT, "acknowledged": _PLAN_PARTS["acknowledged"]}
    return _document("report.json", "A report of reconciler", schema, parts)


def events_schema() -> Schema:
    """The schema of one event, which is one line, of ``apply --format json``: plan, result for each change, report."""
    events = {
        "plan": plan_schema(),
        "result": _RESULT,
        "report": report_schema(),
    }
    forms = [
        _closed({"event": {"const": name}, **schema["properties"]}) | {"title": f"The event {name}"}
        for name, schema in events.items()
    ]
    parts = {**_PLAN_PARTS, "result": _RESULT}
    return _document("apply-events.json", "An event of reconciler apply", {"oneOf": forms}, parts)


def _document(name: str, title: str, schema: Schema, parts: Mapping[str, Schema]) -> Schema:
    return {"$schema": DIALECT, "$id": name, "title": title, **schema, "$defs": dict(parts)}


def _closed(properties: Schema) -> Schema:
    """An object with exactly these properties."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _text(description: str) -> Schema:
    return {"type": "string", "description": description}


def _count(description: str) -> Schema:
    return {"type": "integer", "minimum": 0, "description": description}


def _list(items: Schema, description: str) -> Schema:
    return {"type": "array", "items": items, "description": description}


def _map(values: Schema, description: str) -> Schema:
    return {"type": "object", "additionalProperties": values, "description": description}


def _maybe(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _one_of(names: Any) -> Schema:
    """The values of a ``Literal`` type."""
    return {"enum": list(get_args(names))}


_KEY: Schema = {"type": "string", "pattern": "^[^/]+/[^/]+$", "description": "Kind/name."}
_SOURCE = _maybe({"type": "string", "pattern": "^.*:[0-9]+:[0-9]+$", "description": "file:line:column"})
_PATH = _list({"type": "string"}, "Names of fields, and keys of items.")
_ANY: Schema = {
    "description": "Any JSON. An object with the one key @reconciler stands for a value that JSON cannot say: a secret "
    "(reference and fingerprint, never its value), a reference that is known after apply, a code bundle, nothing at all."
}
_TREE: Schema = {"type": "object", "description": "A resource's fields, or some of them; values as above."}

_FIELD = _closed(
    {
        "label": _text("The path as people write it."),
        "path": _PATH,
        "keyed": {"type": "integer", "minimum": -1, "description": "Index in path of an item's key, -1 for none."},
        "status": {**_one_of(Status), "description": "Whose doing the difference is."},
        "base": _ANY,
        "before": _ANY,
        "after": _ANY,
        "secret": _one_of(SecretState),
        "source": _SOURCE,
    }
)
_ENTRY = _closed(
    {
        "id": _text("The live id, empty before it is known."),
        "fields": _TREE,
        "dependencies": _list(_KEY, "What the resource refers to."),
        "protect": {"type": "boolean"},
        "retain": {"type": "boolean"},
    }
)
_CHANGE = _closed(
    {
        "key": _KEY,
        "action": _one_of(Action),
        "name": _text("The live name."),
        "id": _text("The live id, empty for what does not exist yet."),
        "reason": _text("Why, where the action alone does not say."),
        "movedFrom": _maybe(_KEY),
        "pin": _closed(
            {
                "style": _one_of(PinStyle),
                "value": _text("ETag or version that the write is conditional on."),
                "digest": _text("SHA-256 of the live fields that were seen, or empty."),
            }
        ),
        "steps": _list(_closed({"operation": _one_of(Operation), "body": _TREE}), "The requests, in order."),
        "fields": _list({"$ref": "#/$defs/field"}, "The differences, by path."),
        "unchecked": _list(_PATH, "Secrets that are looked at when applying."),
        "entry": _maybe({"$ref": "#/$defs/entry"}),
        "after": _list(_KEY, "Changes that come first."),
        "source": _SOURCE,
        "modified": _closed({"by": _text("Who wrote it last."), "time": _text("When (RFC 3339).")}),
        "effects": _list(
            _closed(
                {
                    "effect": {"enum": ["compatible", "breaking"]},
                    "column": _text("The column's name."),
                    "message": _text("What changes."),
                }
            ),
            "What the change means for records that are there already.",
        ),
        "touches": _list(_KEY, "Mappings and jobs that a change of schema touches."),
        "bundleFiles": _list(
            {
                "type": "array",
                "prefixItems": [{"type": "string"}, {"enum": ["added", "changed", "removed"]}],
                "items": False,
                "minItems": 2,
            },
            "Files of the code bundle that differ.",
        ),
        "labels": _map({"type": "string"}, "The manifest's labels."),
        "annotations": _map({"type": "string"}, "The manifest's annotations."),
    }
)
_HEADER = _closed(
    {
        "target": _text("The target's name."),
        "url": _text("The tenant's address."),
        "stack": _text("The owner's name in the ledger."),
        "created": _text("When it was made (RFC 3339)."),
        "expires": _text("Until when it may be applied (RFC 3339)."),
        "commit": _text("The git commit, where there is one."),
        "manifests": _text("SHA-256 over all manifests."),
        "tool": _text("The version that made it."),
    }
)
_PLAN_PARTS: dict[str, Schema] = {
    "header": _HEADER,
    "change": _CHANGE,
    "field": _FIELD,
    "entry": _ENTRY,
    "orphan": _closed(
        {"key": _KEY, "name": _text("The live name."), "id": _text("The live id."), "reason": _text("Why.")}
    ),
    "problem": _closed(
        {
            "code": _text("A stable code: `reconciler explain CODE`."),
            "message": _text("What stands in the way."),
            "fix": _text("What to do."),
            "key": _maybe(_KEY),
            "acknowledge": _text("What `--allow` takes to let it pass; empty where nothing can."),
            "change": _text("How the digest of its change begins, for a file of acknowledgements; or empty."),
        }
    ),
    "acknowledged": _closed(
        {
            "accepts": _text("What is accepted, as `--allow` takes it."),
            "message": _text("What the guard had said; empty for a freeze that may come before the plan is applied."),
            "reason": _text("Why, where a file says so."),
            "by": _text("Who accepts it."),
            "expires": _text("Until when (RFC 3339); empty for one run."),
            "source": _text("--allow, or file:line:column."),
        }
    ),
}
_RESULT = _closed(
    {
        "key": _KEY,
        "action": _one_of(Action),
        "outcome": _one_of(Outcome),
        "id": _text("The live id, where known."),
        "code": _text("The error's code."),
        "message": _text("What happened."),
        "fix": _text("What to do."),
        "because": _maybe(_KEY),
        "source": _SOURCE,
    }
)
