"""Holding an output against what a test expects of it, field by field. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from reconciler.core.values import ABSENT

Match = Literal["subset", "exact"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that is not as expected; a side is `ABSENT` where the field is not there, or must not be."""

    path: str
    expected: Any
    actual: Any


def differences(expected: Mapping[str, Any], output: Any, match: Match) -> list[Difference]:
    """Say in what an output is not what a test expects; an output that is null counts as unset (contract: DataAction).

    Maps are compared key by key, lists element by element and in their length. With ``subset``, keys that are not expected do
    not matter, wherever they stand.
    """
    if not isinstance(output, Mapping):
        return [Difference("", dict(expected), output)]
    shown = {name: value for name, value in output.items() if value is not None}
    wanted = {name: value for name, value in expected.items() if value is not None}
    unset = [name for name, value in expected.items() if value is None and name in shown]
    found = list(_compare(wanted, shown, "", match))
    named = {difference.path for difference in found}
    return found + [Difference(name, None, shown[name]) for name in unset if name not in named]


def _compare(expected: Any, actual: Any, path: str, match: Match) -> Iterator[Difference]:
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        for name, value in expected.items():
            yield from _compare(value, actual.get(name, ABSENT), f"{path}.{name}" if path else name, match)
        if match == "exact":
            for name, value in actual.items():
                if name not in expected:
                    yield Difference(f"{path}.{name}" if path else name, ABSENT, value)
    elif isinstance(expected, list) and isinstance(actual, list):
        for index in range(max(len(expected), len(actual))):
            yield from _compare(_at(expected, index), _at(actual, index), f"{path}[{index}]", match)
    elif not _same(expected, actual):
        yield Difference(path, expected, actual)


def _at(items: list[Any], index: int) -> Any:
    return items[index] if index < len(items) else ABSENT


def _same(expected: Any, actual: Any) -> bool:
    """Equality as JSON has it: 1 is 1.0, but true is not 1."""
    if isinstance(expected, bool) or isinstance(actual, bool):
        return expected is actual
    return bool(expected == actual)
