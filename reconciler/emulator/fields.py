"""A small vocabulary of field types: each checks and normalises a JSON value, and gives its JSON Schema.

The kinds' descriptions are made of these, so that what is accepted and what ``/openapi.json`` says have one source.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from reconciler.emulator.errors import Problem

Json = Any
Doc = dict[str, Any]


class FieldType(Protocol):
    """What every field type can do."""

    def accept(self, value: Json, path: str, problems: list[Problem]) -> Json:
        """Give ``value`` in its normal form; what is wrong goes to ``problems`` and the result is of no use then."""

    def schema(self) -> Doc:
        """Give the JSON Schema (2020-12) of what is accepted."""


def join(path: str, key: str | int) -> str:
    """Give the dotted path of a member, as ``details`` of errors name it."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key


@dataclass(frozen=True, slots=True)
class Text:
    """A string with bounds in characters and, optionally, a regular expression that all of it must match."""

    min_length: int = 0
    max_length: int | None = None
    pattern: str | None = None
    hint: str | None = None
    format: str | None = None

    def accept(self, value: Json, path: str, problems: list[Problem]) -> Json:
        """Check type, length and pattern."""
        if not isinstance(value, str):
            problems.append(Problem(path, "must be a string"))
        elif len(value) < self.min_length:
            problems.append(Problem(path, "must not be empty" if self.min_length == 1 else "is too short"))
        elif self.max_length is not None and len(value) > self.max_length:
            problems.append(Problem(path, f"must have at most {self.max_length} characters"))
        elif self.pattern is not None and not re.fullmatch(self.pattern, value):
            problems.append(Problem(path, self.hint or f"must match {self.pattern}"))
        return value

    def schema(self) -> Doc:
        """Give a string schema; ``min_length`` and the rest only where set."""
        schema: Doc = {"type": "string"}
        if self.min_length:
            schema["minLength"] = self.min_length
        if self.max_length is not None:
            schema["maxLength"] = self.max_length
        if self.pattern is not None:
            schema["pattern"] = f"^(?:{self.pattern})$"
        if self.format is not None:
            schema["format"] = self.format
        return schema


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number; 5.0 counts as one, as JSON Schema has it."""

    minimum: int
    maximum: int

    def accept(self, value: Json, path: str, problems: list[Problem]) -> Json:
        """Check type and bounds, and give an int."""
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            problems.append(Problem(path, "must be a whole number"))
        elif not self.minimum <= value <= self.maximum:
            problems.append(Problem(path, f"must be {self.minimum} to {self.maximum}"))
        return value

    def schema(self) -> Doc:
        """Give an integer schema with its bounds."""
        return {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    def accept(self, value: Json, path: str, problems: list[Problem]) -> Json:
        """Check the type."""
        if not isinstance(value, bool):
            problems.append(Problem(path, "must be true or false"))
        return value

    def schema(self) -> Doc:
        """Give a boolean schema."""
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    values: tuple[str, ...]

    def accept(self, value: Json, path: str, problems: list[Problem]) -> Json:
        """Check that the word is one of them."""
        if not isinstance(value, str) or value not in self.values:
            problems.append(Problem(path, f"must be one of {', '.join(self.values)}"))
        return value

    def schema(self) -> Doc:
        """Give an enum schema."""
        return {"type": "string", "enum": list(self.values)}


@dataclass(frozen=True, slots=True)
class ListOf:
    """An array of one type of element."""

    item: FieldType
    min_items: int = 0
    unique: bool = False

    def accept(self, value: Json, path: str, problems: list[Problem]) -> Json:
        """Check every element; ``unique`` compares elements that are plain strings."""
        if not isinstance(value, list):
            problems.append(Problem(path, "must be an array"))
            return value
        if len(value) < self.min_items:
            problems.append(Problem(path, f"must have at least {self.min_items} elements"))
        before = len(problems)
        accepted = [self.item.accept(element, join(path, index), problems) for index, element in enumerate(value)]
        if self.unique and len(problems) == before and len(set(accepted)) != len(accepted):
            problems.append(Problem(path, "must not hold an element twice"))
        return accepted

    def schema(self) -> Doc:
        """Give an array schema."""
        schema: Doc = {"type": "array", "items": self.item.schema()}
        if self.min_items:
            schema["minItems"] = self.min_items
        if self.unique:
            schema["uniqueItems"] = True
        return schema


@dataclass(frozen=True, slots=True)
class MapOf:
    """An object with free keys and one type of value."""

    key: Text
    value: FieldType
    min_items: int = 0

    def accept(self, value: Json, path: str, problems: list[Problem]) -> Json:
        """Check every key and value."""
        if not isinstance(value, dict):
            problems.append(Problem(path, "must be an object"))
            return value
        if len(value) < self.min_items:
            problems.append(Problem(path, f"must have at least {self.min_items} members"))
        accepted: Doc = {}
        for key, member in value.items():
            where = join(path, key)
            self.key.accept(key, where, problems)
            accepted[key] = self.value.accept(member, where, problems)
        return accepted

    def schema(self) -> Doc:
        """Give an object schema with ``propertyNames``."""
        schema: Doc = {
            "type": "object",
            "propertyNames": self.key.schema(),
            "additionalProperties": self.value.schema(),
        }
        if self.min_items:
            schema["minProperties"] = self.min_items
        return schema


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a Record: its type and what stands for it when it is absent.

    Without ``required`` and ``default`` an absent member stays absent. ``default`` makes a fresh value each time.
    """

    type: FieldType
    required: bool = False
    default: Callable[[], Json] | None = None
    description: str = ""

    def default_value(self) -> Json:
        """Give a fresh default; None where there is none."""
        return None if self.default is None else self.default()


def optional(type_: FieldType, default: Json, description: str = "") -> Member:
    """Make a member with a default value, which must be immutable."""
    return Member(type_, default=lambda: default, description=description)


@dataclass(frozen=True, slots=True)
class Record:
    """An object with known members. Any other is refused, but for ``ignored`` ones, which are dropped.

    ``null`` for a member that is not required means its default, in bodies of creates as in patches.
    """

    members: Mapping[str, Member]
    ignored: frozenset[str] = field(default_factory=frozenset)

    def accept(self, value: Json, path: str, problems: list[Problem]) -> Json:
        """Check every member, fill in defaults and refuse what is unknown."""
        if not isinstance(value, dict):
            problems.append(Problem(path, "must be an object"))
            return value
        problems.extend(self.unknown(value, path))
        accepted: Doc = {}
        for name, member in self.members.items():
            given = value.get(name)
            if given is not None:
                accepted[name] = member.type.accept(given, join(path, name), problems)
            elif member.required:
                text = "must not be null" if name in value else "is required"
                problems.append(Problem(join(path, name), text))
            elif member.default is not None:
                accepted[name] = member.default_value()
        return accepted

    def unknown(self, value: Doc, path: str = "") -> list[Problem]:
        """Give a problem for every member of ``value`` that this record does not know."""
        return [
            Problem(join(path, name), "is not a known field")
            for name in value
            if name not in self.members and name not in self.ignored
        ]

    def schema(self, *, partial: bool = False) -> Doc:
        """Give a closed object schema; ``partial`` is the one for a merge patch, where nothing is required."""
        properties: Doc = {}
        for name, member in self.members.items():
            schema = member.type.schema()
            if not member.required:
                schema = {"anyOf": [schema, {"type": "null"}]}
            if member.description:
                schema["description"] = member.description
            properties[name] = schema
        for name in sorted(self.ignored):
            properties[name] = {"description": "server-owned: may be sent and is ignored"}
        result: Doc = {"type": "object", "properties": properties, "additionalProperties": False}
        required = [name for name, member in self.members.items() if member.required]
        if required and not partial:
            result["required"] = required
        return result
