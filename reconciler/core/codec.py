"""Trees as plain JSON and back, for plans, ledgers and journals: typed leaves become marked objects.

A marked object has the single key ``@reconciler``; data that happens to look like one is escaped, so that every tree reads
back as it was. A secret keeps its reference and fingerprint; its value is never written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from reconciler.core.resource import Entry, Key, Ledger
from reconciler.core.values import MASKED, PLAIN, Bundle, Secret, Template, Unknown, with_changed

MARKER = "@reconciler"
_MARK = MARKER.encode()

_DEEPEST = 200
"""How deep an entry may be nested; twice what manifests may, and less than what a ledger that is written can hold."""


def encode_tree(value: Any) -> Any:
    """Turn a tree (or any value in one) into plain JSON; what is plain already is given back as it is, not as a copy."""
    kind = type(value)
    if kind in PLAIN:
        return value
    if kind is dict:
        encoded = with_changed(value, encode_tree)
        return {MARKER: {"literal": encoded}} if MARKER in value else encoded
    if kind is list or kind is tuple:
        return with_changed(value if kind is list else list(value), encode_tree)
    return _encode_leaf(value)


def _encode_leaf(value: Any) -> Any:
    if isinstance(value, Secret):
        return {MARKER: {"secret": value.reference, "fingerprint": value.fingerprint}}
    if isinstance(value, Unknown):
        return {MARKER: {"ref": [value.kind, value.name, value.field]}}
    if isinstance(value, Template):
        return {MARKER: {"template": [encode_tree(part) for part in value.parts]}}
    if isinstance(value, Bundle):
        return {
            MARKER: {
                "bundle": value.sha256,
                "files": dict(sorted(value.files.items())),
                "path": value.path,
                "exclude": list(value.exclude),
                "size": value.size,
            }
        }
    if value is MASKED:
        return {MARKER: {"masked": True}}
    return value


def decode_tree(value: Any) -> Any:
    """Turn plain JSON back into a tree; raises `ValueError` for a marked object that this version does not know.

    What holds no marked object is given back as it is, not as a copy.
    """
    if isinstance(value, dict):
        return _decode_marked(value) if MARKER in value else with_changed(value, decode_tree)
    return with_changed(value, decode_tree) if isinstance(value, list) else value


def _decode_marked(value: Mapping[str, Any]) -> Any:
    if len(value) > 1:
        raise ValueError(f"not a value that this tool wrote: {sorted(value)}")
    try:
        return _decode_leaf(value[MARKER])
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a value that this tool wrote: {sorted(value)}") from error


def _decode_leaf(marked: Mapping[str, Any]) -> Any:
    if "secret" in marked:
        return Secret(str(marked["secret"]), fingerprint=str(marked["fingerprint"]))
    if "ref" in marked:
        kind, name, field = marked["ref"]
        return Unknown(str(kind), str(name), str(field))
    if "template" in marked:
        return Template(tuple(decode_tree(part) for part in marked["template"]))
    if "bundle" in marked:
        return Bundle(
            str(marked["bundle"]),
            {str(name): str(digest) for name, digest in marked["files"].items()},
            str(marked["path"]),
            tuple(str(item) for item in marked["exclude"]),
            int(marked["size"]),
        )
    if "masked" in marked:
        return MASKED
    return {key: decode_tree(item) for key, item in marked["literal"].items()}


def entry_to_json(entry: Entry) -> dict[str, Any]:
    """One ledger entry as JSON, without its key. A plan knows no ETag of what it is going to write, and says nothing of one."""
    data = {
        "id": entry.id,
        "fields": encode_tree(entry.fields),
        "dependencies": [str(key) for key in entry.dependencies],
        "protect": entry.protect,
        "retain": entry.retain,
    }
    return {**data, "etag": entry.etag} if entry.etag else data


def _may_hold_leaves(fields: Any) -> bool:
    """Spelling an entry and looking for the marker takes a third of the time of looking through it."""
    try:
        return _MARK in orjson.dumps(fields)
    except orjson.JSONEncodeError as error:
        if _depth(fields) > _DEEPEST:
            raise ValueError(f"maps and lists are nested more than {_DEEPEST} deep") from error
        return True  # such as a whole number of more than 64 bits


def _depth(value: Any) -> int:
    layer, depth = [value], 0
    while layer:
        depth += 1
        layer = [
            inner
            for item in layer
            if isinstance(item, (dict, list))
            for inner in (item.values() if isinstance(item, dict) else item)
        ]
    return depth


def entry_from_json(key: Key, data: Mapping[str, Any]) -> Entry:
    """Read one ledger entry; raises `ValueError` where it is not one."""
    try:
        fields, dependencies = data["fields"], data["dependencies"]
        if _may_hold_leaves(fields):
            fields = decode_tree(fields)
        id_, protect, retain, etag = data["id"], data["protect"], data["retain"], data.get("etag", "")
        # Nothing is made to fit: an id of null is no id, and a protection of null would be none.
        if not (
            id_.__class__ is etag.__class__ is str
            and protect.__class__ is retain.__class__ is bool
            and dependencies.__class__ is list
        ):
            raise TypeError(id_)  # noqa: TRY301 - one way out for all that is no entry
        return Entry(
            key,
            id_,
            fields if fields.__class__ is dict else {**fields},
            tuple([Key.parse(text) for text in dependencies]) if dependencies else (),
            protect,
            retain,
            etag,
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"the entry {key} is not one that this tool wrote") from error


def ledger_head_to_json(ledger: Ledger) -> dict[str, Any]:
    """A ledger as JSON, without its entries; ``lost`` is a state of reading and is not written."""
    return {
        "stack": ledger.stack,
        "target": ledger.target,
        "serial": ledger.serial,
        "salt": ledger.salt,
        "audit_head": ledger.audit_head,
    }


def entries_from_json(data: Mapping[str, Any]) -> dict[Key, Entry]:
    """Read the entries of a ledger; raises `ValueError` or `AttributeError` where they are none."""
    return {key: entry_from_json(key, item) for key, item in ((Key.parse(text), item) for text, item in data.items())}


def ledger_from_json(data: Mapping[str, Any]) -> Ledger:
    """Read a whole ledger; raises `ValueError` where it is not one."""
    try:
        entries = entries_from_json(data["entries"])
        stack, target, serial, salt, head = (data[name] for name in ("stack", "target", "serial", "salt", "audit_head"))
        if serial.__class__ is not int or {item.__class__ for item in (stack, target, salt, head)} != {str}:
            raise TypeError(serial)  # noqa: TRY301 - one way out for all that is no ledger
        bytes.fromhex(salt)
        return Ledger(stack, target, entries, serial, salt, audit_head=head)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("not a ledger that this tool wrote") from error
