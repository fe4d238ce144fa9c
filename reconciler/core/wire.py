"""Between trees and the API's bodies: reading a live body as a tree, and writing a tree as a request body."""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64encode
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

import orjson

from reconciler.core.kind import Kind, SecretMap
from reconciler.core.normalise import normalise
from reconciler.core.values import MASKED, Bundle, Secret, Template, Tree, Unknown, with_leaves

SERVER_OWNED = frozenset({"id", "etag"})
"""What every live body has of its own, whatever its kind."""


def live_tree(kind: Kind, body: Mapping[str, Any], names: Collection[str] | None = None) -> Tree:
    """Read a live body: server-owned fields left out, secrets as `MASKED`, code as its digest, values normalised.

    ``names`` are the fields that are wanted, all of them where it is None.
    """
    shown = body.keys() if names is None else [name for name in names if name in body]
    tree = {key: body[key] for key in shown if key not in kind.read_only and key not in SERVER_OWNED}
    for secrets in kind.secret_maps:
        _replace_at(tree, secrets.path.split("."), partial(_mask, rule=secrets))
    bundle = kind.bundle if names is None or (kind.bundle and kind.bundle.field in names) else None
    if bundle is not None and isinstance(digest := body.get(bundle.digest_field), str):
        tree[bundle.field] = Bundle(digest)
    return normalise(kind, tree)


def _mask(found: Any, rule: SecretMap) -> Any:
    if not isinstance(found, dict):
        return found
    return {key: MASKED if _is_masked(key, item, rule) else _unwrapped(item, rule) for key, item in found.items()}


def _unwrapped(item: Any, rule: SecretMap) -> Any:
    """A value that is not secret, however it is written: ``{"value": "x", "secret": false}`` is ``x``."""
    if rule.plain is None and isinstance(item, dict) and item.get("secret") is False and "value" in item:
        return item["value"]
    return item


def _is_masked(key: str, item: Any, rule: SecretMap) -> bool:
    if rule.plain is None:
        return isinstance(item, dict) and item.get("secret") is True
    return key not in rule.plain and item is not None


def _replace_at(tree: Tree, path: list[str], function: Callable[[Any], Any]) -> None:
    """Replace what stands at a path; the dicts on the way are copied, so that the body stays as it was."""
    node = tree
    for part in path[:-1]:
        if not isinstance(node.get(part), dict):
            return
        node[part] = dict(node[part])
        node = node[part]
    if path[-1] in node:
        node[path[-1]] = function(node[path[-1]])


def request_body(
    kind: Kind,
    tree: Tree,
    *,
    identify: Callable[[Unknown], str],
    reveal: Callable[[Secret], str],
    content: Callable[[Bundle], bytes],
) -> Tree:
    """Write a tree as the JSON of a request.

    ``identify`` gives the live value of a reference, ``reveal`` a secret's value, ``content`` a bundle's zip. A live secret
    that stays as it is goes back as its mask. The answer holds secrets in the clear and is for the wire alone: it is never
    stored, logged or printed. Raises `ValueError` for a mask outside of a map of secrets, since nothing says what it hides.
    """

    def plain(value: Any) -> Any:
        if isinstance(value, Secret):
            return reveal(value)
        if isinstance(value, Unknown):
            return identify(value)
        if isinstance(value, Template):
            return "".join(part if isinstance(part, str) else identify(part) for part in value.parts)
        if isinstance(value, Bundle):
            return b64encode(content(value)).decode("ascii")
        if value is MASKED:
            raise ValueError(f"a {kind.name} has a hidden value where none can be sent back")
        return value

    wrapped = dict(tree)
    for rule in kind.secret_maps:
        _replace_at(wrapped, rule.path.split("."), partial(_wrap, rule=rule))
    body: Tree = with_leaves(wrapped, plain)
    return body


def _wrap(found: Any, rule: SecretMap) -> Any:
    if not isinstance(found, dict):
        return found
    shown = {key: rule.mask if item is MASKED else item for key, item in found.items()}
    if rule.plain is not None:
        return shown
    return {
        key: {"value": item, "secret": True} if isinstance(found[key], Secret) or found[key] is MASKED else item
        for key, item in shown.items()
    }


def canonical(value: Any) -> bytes:
    """The one spelling of a JSON value: sorted keys, no blanks, UTF-8, whole floats as integers."""
    # A whole plan is spelled change by change: what takes the slow way in one of them costs the others nothing.
    if type(value) is list:
        return b"[" + b",".join(map(_spelled, value)) + b"]"
    if type(value) is dict and all(type(key) is str for key in value):
        items = (
            (key, canonical(item) if type(item) is list else _spelled(item)) for key, item in sorted(value.items())
        )
        return b"{" + b",".join(_spelled(key) + b":" + item for key, item in items) + b"}"
    return _spelled(value)


_SORTED = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS
_WHOLE = re.compile(rb"[:\[,]-?\d+(?:\.0|(?:\.\d+)?e[-+]?\d+)[,}\]]")
"""Where a text may hold a whole float; what stands in a string may look like one, too."""
_HINTS = (re.compile(rb"\.0[,}\]]"), re.compile(rb"e\+?\d\d\d?[,}\]]"))
"""What any of those ends with. Searching for what begins with a letter is seven times as fast as searching for a number."""


def _spelled(value: Any) -> bytes:
    try:
        text = orjson.dumps(value, option=_SORTED)
        if type(value) is float or (any(hint.search(text) for hint in _HINTS) and _WHOLE.search(text)):
            text = orjson.dumps(_plain_numbers(value), option=_SORTED)
    except TypeError:
        # Lone surrogates and integers beyond 64 bits, which no server takes but a made-up file may hold.
        spelled = json.dumps(_plain_numbers(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return spelled.encode("utf-8", "surrogatepass")
    return text


def _plain_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain_numbers(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain_numbers(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def digest(value: Any) -> str:
    """SHA-256 (hex) over the canonical spelling of a JSON value."""
    return hashlib.sha256(canonical(value)).hexdigest()


def live_digest(kind: Kind, body: Mapping[str, Any]) -> str:
    """A digest of a live body's own fields: what a re-read is compared with where the API has no ETag."""
    skipped = kind.volatile | {"etag", "lastModifiedTime", "lastModifiedBy"}
    # In one piece: there is one for each write, and a resource is small.
    return hashlib.sha256(_spelled({key: value for key, value in body.items() if key not in skipped})).hexdigest()
