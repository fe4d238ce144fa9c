"""From libyaml's events to plain values, keeping where each was written.

This is the inner loop of loading. It recurses with the nesting, which is bounded, and handles the common events in place:
a method call for each scalar would halve its speed.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from _ruamel_yaml import CParser
from ruamel.yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from reconciler.loading import yaml_rules as rules
from reconciler.loading.yaml_mask import unmasked
from reconciler.loading.yaml_problems import (
    MAX_DEPTH,
    MAX_EXPANDED,
    MAX_FINDINGS,
    Hopeless,
    Problem,
    no_anchor,
    no_string,
    shown,
    too_deep,
    too_much,
)
from reconciler.loading.yaml_scalars import FIRST, PREFIX, Refused, Scalar, mismatch, plain, tagged, unknown_tag
from reconciler.loading.yaml_tree import borrowed, locate, span

MERGE_KEY: Final = "".join(("<", "<"))
"""Stands for a plain ``<<``; compared by identity, so that a quoted one is a key like any other."""

_CORE: Final = frozenset(("str", "int", "float", "bool", "null", "seq", "map"))
_COLLECTIONS: Final = {MappingStartEvent: "map", SequenceStartEvent: "seq"}
_KEYS: Final[dict[str, str]] = {}
_MAX_KEYS: Final = 10_000
"""Plain keys already known to be strings, each kept once; bounded, so that no file can fill the memory with them."""


@dataclass(frozen=True, slots=True)
class Merge:
    """What a merge key brings: its value, the positions of that value's parts, and where the key stands."""

    value: Any
    places: list[int]
    where: int


@dataclass(frozen=True, slots=True)
class Built:
    """One document: its value and the positions of all its parts."""

    value: Any
    positions: array[int]


class Builder:
    """Builds the documents of one stream, in order; ``expanded`` values may be carried over from a stream before it.

    ``started`` is a position at or before the beginning of the document that is being read, and behind the one before it.
    """

    __slots__ = ("anchors", "expanded", "get", "positions", "problems", "started")

    def __init__(self, data: bytes | str, expanded: int = 0, *, is_masked: bool = False) -> None:
        self.get = unmasked(CParser(data).get_event) if is_masked else CParser(data).get_event
        self.expanded = expanded
        self.problems: list[Problem] = []
        self.positions: list[int] = []
        self.anchors: dict[str, tuple[Any, list[int]] | None] = {}
        self.started = 0

    def documents(self) -> Iterator[Built | None]:
        """The documents one by one, None for an empty one; raises `Hopeless`, and libyaml's own errors."""
        get = self.get
        get()
        while (event := get()).__class__ is not StreamEndEvent:
            if event.explicit:
                self.started = event.start_mark.index
            self.positions = []
            self.anchors = {}
            event = get()
            built = None
            if event.__class__ is not ScalarEvent or event.value or event.style or event.ctag is not None:
                value = self._value(event, 0)
                built = Built(value, array("i", self.positions))
            # The end comes first: behind a plain text it may turn out that the document is no such text.
            self.started = get().end_mark.index
            yield built

    def _value(self, event: Any, depth: int) -> Any:
        """Any value whose first event was read; appends its positions."""
        cls = event.__class__
        if cls is AliasEvent:
            return self._alias(event, depth)
        start = len(self.positions)
        anchor = event.anchor
        if cls is ScalarEvent:
            self.positions.append(event.start_mark.index)
            value: Any = self._scalar(event)
        else:
            if depth >= MAX_DEPTH:
                raise Hopeless(too_deep(event.start_mark.index))
            if anchor is not None:
                self.anchors[anchor] = None
            value = self._mapping(event, depth) if cls is MappingStartEvent else self._sequence(event, depth)
            if event.ctag is not None:
                self._check_tag(event)
        if anchor is not None:
            self.anchors[anchor] = (value, self.positions[start:])
        return value

    def _mapping(self, event: Any, depth: int) -> dict[str, Any]:
        get, append, inner = self.get, self.positions.append, depth + 1
        start = len(self.positions)
        append(event.start_mark.index)
        out: dict[str, Any] = {}
        merges: list[Merge] = []
        while (event := get()).__class__ is not MappingEndEvent:
            where = event.start_mark.index
            key = (
                _KEYS.get(event.value)
                if event.__class__ is ScalarEvent and event.ctag is event.anchor is None
                else None
            )
            if key is None:
                key = self._key(event, inner)
            if key is None or key in out or (key is MERGE_KEY):
                self._irregular(key, out, merges, where, start, inner)
                continue
            append(where)
            event = get()
            if event.__class__ is ScalarEvent and event.ctag is event.anchor is None and event.style != '"':
                append(event.start_mark.index)
                text = event.value
                out[key] = text if event.style or (text and text[0] not in FIRST) else self._plain(text, event)
            else:
                out[key] = self._value(event, inner)
        for merge in merges:
            self._merge(out, merge)
        return out

    def _sequence(self, event: Any, depth: int) -> list[Any]:
        get, value, inner = self.get, self._value, depth + 1
        self.positions.append(event.start_mark.index)
        out: list[Any] = []
        while (event := get()).__class__ is not SequenceEndEvent:
            out.append(value(event, inner))
        return out

    def _plain(self, text: str, event: Any) -> Scalar:
        try:
            return plain(text)
        except Refused as refusal:
            self._refuse(refusal, event)
            return text

    def _scalar(self, event: Any) -> Scalar:
        """The value of a scalar, refused or not; what is refused counts as the text it is."""
        text: str = event.value
        tag = event.ctag
        if "\0" in text:
            self._refuse(Refused(rules.CHARACTERS, "an escape makes a NUL character", "leave it out"), event)
            return text
        try:
            if tag is not None and str(tag) != "!":
                return tagged(str(tag), text, event.style)
            return text if event.style or tag is not None else plain(text)
        except Refused as refusal:
            self._refuse(refusal, event)
            return text

    def _check_tag(self, event: Any) -> None:
        tag, kind = str(event.ctag), _COLLECTIONS[event.__class__]
        if tag in ("!", PREFIX + kind):
            return
        known = tag.startswith(PREFIX) and tag.removeprefix(PREFIX) in _CORE
        self._refuse(mismatch(tag, "a map" if kind == "map" else "a list") if known else unknown_tag(tag), event)

    def _refuse(self, refusal: Refused, event: Any) -> None:
        where = event.start_mark.index
        self.problems.append(Problem(refusal.rule, refusal.message, where, refusal.fix, owner=where))

    def _key(self, event: Any, depth: int) -> str | None:
        """The key that an event begins; `MERGE_KEY` for a merge key, None (and a problem) for one that is no string."""
        where = event.start_mark.index
        if event.__class__ is ScalarEvent and event.value == "<<" and not event.style and event.ctag is None:
            return MERGE_KEY
        count, found = len(self.positions), len(self.problems)
        key = self._value(event, depth)
        del self.positions[count:]
        if isinstance(key, str):
            if event.__class__ is ScalarEvent and not event.style and event.ctag is None and len(_KEYS) < _MAX_KEYS:
                _KEYS[key] = key
            return key
        if found == len(self.problems):
            self.problems.append(no_string(key, event, where))
        return None

    def _irregular(
        self, key: str | None, out: dict[str, Any], merges: list[Merge], where: int, start: int, depth: int
    ) -> None:
        """Read the value of a merge key, or of a key that stands twice or is none."""
        cut = len(self.positions)
        value = self._value(self.get(), depth)
        places = self.positions[cut:]
        del self.positions[cut:]
        if key is MERGE_KEY and not merges:
            merges.append(Merge(value, places, where))
        elif key is not None and len(self.problems) < MAX_FINDINGS:
            first = merges[0].where if key is MERGE_KEY else self.positions[start + (locate(out, (key,))[1] or 0)]
            message = f"the key {shown(key)} stands twice in one map"
            fix = (
                "remove one of the two, or put both maps into a list: <<: [*a, *b]"
                if key is MERGE_KEY
                else "remove one of the two"
            )
            related = (("it stands here first", first),)
            self.problems.append(Problem(rules.DUPLICATE_KEY, message, where, fix, owner=first, related=related))

    def _merge(self, out: dict[str, Any], merge: Merge) -> None:
        """Add what a merge key brings: own keys win, then the earlier map of a list."""
        is_list = isinstance(merge.value, list)
        index = 1 if is_list else 0
        for source in merge.value if is_list else [merge.value]:
            size = span(source)
            if not isinstance(source, dict):
                self._no_map(merge.places[index])
            else:
                self._merge_map(out, source, merge.places[index : index + size])
            index += size

    def _merge_map(self, out: dict[str, Any], source: dict[str, Any], places: list[int]) -> None:
        index = 1
        for key, value in source.items():
            size = 1 + span(value)
            if key not in out:
                out[key] = value
                self.positions += borrowed(places[index : index + size])
            index += size

    def _no_map(self, place: int) -> None:
        where = place if place >= 0 else ~place
        if not any(problem.position == where for problem in self.problems):
            message, fix = (
                "a merge key (<<) takes a map, and this is none",
                "give it an alias of a map, or quote '<<' to use it as a key",
            )
            self.problems.append(Problem(rules.MERGE, message, where, fix))

    def _alias(self, event: Any, depth: int) -> Any:
        """The value behind an alias, copied, with the positions it has at its anchor."""
        name, where = event.anchor, event.start_mark.index
        self.positions.append(~where)
        target = self.anchors.get(name)
        if target is None:
            self.problems.append(no_anchor(name, where, recursive=name in self.anchors))
            return None
        value, places = target
        self.expanded += len(places)
        if self.expanded > MAX_EXPANDED:
            raise Hopeless(too_much(where), whole_file=True)
        self.positions += borrowed(places[1:])
        return _copy(value, depth, where)


def _copy(value: Any, depth: int, where: int) -> Any:
    if value.__class__ in (dict, list):
        if depth >= MAX_DEPTH:
            raise Hopeless(too_deep(where))
        if value.__class__ is dict:
            return {key: _copy(item, depth + 1, where) for key, item in value.items()}
        return [_copy(item, depth + 1, where) for item in value]
    return value
