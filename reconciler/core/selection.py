"""Selectors: which resources a narrowed run is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from reconciler.core.resource import Desired, Key


@dataclass(frozen=True, slots=True)
class Selector:
    """One selector: ``Kind/name`` with globs, ``label=value``, or ``@file.yaml`` (a glob over files of the project)."""

    text: str
    kind: str = ""
    name: str = ""
    label: str = ""
    value: str = ""
    file: str = ""

    @classmethod
    def parse(cls, text: str) -> Selector:
        """Read a selector; raises `ValueError` with what it should look like."""
        if text.startswith("@") and len(text) > 1:
            return cls(text, file=text[1:].removeprefix("./"))
        kind, slash, name = text.partition("/")
        if slash and kind and name and "=" not in kind:
            return cls(text, kind=kind, name=name)
        label, equals, value = text.partition("=")
        if equals and label:
            return cls(text, label=label, value=value)
        raise ValueError(f"{text!r} is not a selector; write Kind/name (globs allowed), label=value or @file.yaml")

    def matches(self, item: Desired) -> bool:
        """Whether a manifest is meant."""
        return self.means(item.key, item.labels, item.file)

    def means(self, key: Key, labels: Mapping[str, str], file: str) -> bool:
        """Whether what has this key and these labels, and stands in this file, is meant."""
        if self.file:
            return file == self.file or fnmatchcase(file, self.file)
        if self.label:
            return labels.get(self.label) == self.value
        return fnmatchcase(key.kind, self.kind) and fnmatchcase(key.name, self.name)


def narrowing_words(files: Sequence[str], only: Sequence[Selector], exclude: Sequence[Selector]) -> tuple[str, ...]:
    """What a run is narrowed to, as it was asked for."""
    return (
        *files,
        *(f"--only {selector.text}" for selector in only),
        *(f"--exclude {selector.text}" for selector in exclude),
    )


def select(
    items: Iterable[Desired], only: Sequence[Selector], exclude: Sequence[Selector], files: Sequence[str] = ()
) -> frozenset[Key]:
    """The keys of a narrowed run: in one of ``files`` (all if empty), matching one of ``only`` (all if empty), none of ``exclude``.

    ``files`` are files or folders relative to the project, ``.`` the project's own.
    """
    return frozenset(
        item.key
        for item in items
        if (not files or any(_lies_in(item.file, file) for file in files))
        and (not only or any(selector.matches(item) for selector in only))
        and not any(selector.matches(item) for selector in exclude)
    )


def _lies_in(file: str, place: str) -> bool:
    return place == "." or file == place or file.startswith(f"{place.rstrip('/')}/")
