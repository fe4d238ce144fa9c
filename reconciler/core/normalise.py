"""Bring values that mean the same into one form, so that a difference in spelling is never a difference.

A kind names its normalisers by path (`Kind.normalisers`); the same ones are applied to what git says and to what is live.
Each takes any JSON value and returns it unchanged where it is not of the form that it knows: judging is validation's job.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from reconciler.core.kind import Kind
from reconciler.core.values import Tree

_DEFAULT_PORTS = {"http": 80, "https": 443, "wss": 443, "ws": 80}


def url(value: Any) -> Any:
    """Lower-case scheme and host, drop the scheme's own port and a lone trailing slash (RFC 3986, section 6.2)."""
    return _url(value) if isinstance(value, str) and "://" in value else value


@lru_cache(maxsize=4096)
def _url(value: str) -> str:
    # Many resources share few URLs, and taking one apart costs more than comparing the rest of a resource.
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        return value
    host = (parts.hostname or "").lower()
    if ":" in host:
        host = f"[{host}]"
    user, at, _ = parts.netloc.rpartition("@")
    scheme = parts.scheme.lower()
    suffix = f":{port}" if port is not None and port != _DEFAULT_PORTS.get(scheme) else ""
    path = "" if parts.path == "/" and not parts.query and not parts.fragment else parts.path
    return urlunsplit((scheme, f"{user}{at}{host}{suffix}", path, parts.query, parts.fragment))


def date_time(value: Any) -> Any:
    """Write an RFC 3339 time in UTC with a ``Z``."""
    if not isinstance(value, str) or "T" not in value:
        return value
    try:
        moment = datetime.fromisoformat(value)
        # At the ends of the calendar there is no UTC for every offset.
        return value if moment.tzinfo is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError):
        return value


def date(value: Any) -> Any:
    """Cut a midnight time in UTC down to its date."""
    moment = date_time(value)
    return moment[:10] if isinstance(moment, str) and moment.endswith("T00:00:00Z") else moment


def number(value: Any) -> Any:
    """Write a whole float as an integer: 1.0 is 1."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def upper(value: Any) -> Any:
    """Write an enumeration's value in capitals."""
    return value.upper() if isinstance(value, str) else value


def text(value: Any) -> Any:
    """Leave a value as it is."""
    return value


def column(value: Any) -> Any:
    """Write a dataset column in its long form, with the server's defaults (contract: Dataset)."""
    if isinstance(value, str):
        value = {"type": value}
    if not isinstance(value, dict) or ("nullable" in value and None not in value.values()):
        return value
    return _without_nulls({"nullable": True, **value}, ("maxLength", "description"))


def extension_field(value: Any) -> Any:
    """Fill in the server's defaults of an extension's field (contract: DataExtension)."""
    if not isinstance(value, dict):
        return value
    limited = value.get("type") == "string"
    if "nullable" in value and None not in value.values() and ("maxLength" in value or not limited):
        return value
    defaults: Tree = {"nullable": True}
    if limited:
        defaults["maxLength"] = 255
    return _without_nulls({**defaults, **{k: v for k, v in value.items() if v is not None}}, ("maxLength",))


def _without_nulls(value: Tree, names: tuple[str, ...]) -> Tree:
    return {key: item for key, item in value.items() if item is not None or key not in names}


_SCHEMAS_BY_NAME = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
_DATA = frozenset({"default", "const", "enum", "examples", "example"})


def json_schema(value: Any) -> Any:
    """Sort what has no order in a JSON Schema: ``required`` and lists of ``type``, at any depth, but never inside data."""
    if isinstance(value, list):
        return [json_schema(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: _keyword(key, item) for key, item in value.items()}


def _keyword(name: str, value: Any) -> Any:
    if name in _DATA:
        return value
    if name in _SCHEMAS_BY_NAME and isinstance(value, dict):
        return {key: json_schema(item) for key, item in value.items()}
    if name in ("required", "type") and isinstance(value, list) and all(isinstance(entry, str) for entry in value):
        return sorted(value)
    return json_schema(value)


NORMALISERS: dict[str, Callable[[Any], Any]] = {
    "url": url,
    "datetime": date_time,
    "date": date,
    "number": number,
    "upper": upper,
    "text": text,
    "column": column,
    "field": extension_field,
    "json_schema": json_schema,
}
"""All normalisers by the name that a kind uses."""


def normalise(kind: Kind, tree: Tree) -> Tree:
    """Apply a kind's normalisers; the given tree is left as it was, and untouched parts are shared with it."""
    out = dict(tree)
    for path, name in kind.normalisers.items():
        head, *rest = _parts(path)
        if head in out:
            out[head] = _apply(out[head], rest, NORMALISERS[name])
    return out


@lru_cache(maxsize=1024)
def _parts(path: str) -> tuple[str, ...]:
    return tuple(path.split("."))


def _apply(value: Any, rest: list[str], function: Callable[[Any], Any]) -> Any:
    """Apply a function to what stands at a path below a value; the value itself comes back where nothing changes."""
    if not rest:
        return function(value)
    part, tail = rest[0], rest[1:]
    if part == "*":
        items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    elif isinstance(value, dict) and part in value:
        items = ((part, value[part]),)
    else:
        return value
    copy: Any = None
    for key, item in items:
        new = function(item) if not tail else _apply(item, tail, function)
        if new is not item:
            copy = value.copy() if copy is None else copy
            copy[key] = new
    return value if copy is None else copy
