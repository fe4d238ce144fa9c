"""From live to declared: the spec that a manifest needs to mean exactly one live resource, without its ids and secrets."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from reconciler.core.kind import Kind, SecretMap
from reconciler.core.resource import Key, Observed
from reconciler.core.shorten import shorten
from reconciler.core.values import MASKED, Bundle, Tree
from reconciler.core.wire import live_tree

MAX_DEPTH: Final = 90
"""Maps and lists inside each other, below what manifests may hold (rule M103) by the levels around a spec."""

_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{8,}")
"""What may be an id inside a longer text. Anything shorter is too likely to be there by chance."""

SECRETS_NOTE: Final = "The API does not give secrets back: SECRETS.md says what to provide."
CODE_NOTE: Final = (
    "The API does not give code back. This stands for what is live, and for nothing that could be sent:\n"
    "put the files into a folder of the project and write 'path: FOLDER' in place of sha256."
)


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A secret to provide: the environment variable that the manifest names, and the field that takes it."""

    variable: str
    key: Key
    path: str


@dataclass(frozen=True, slots=True)
class Directory:
    """What a live resource may refer to: keys by kind and id, and of those the ids that are unmistakable wherever they stand.

    ``code`` maps the SHA-256 of a bundle to the folder, relative to the project, that builds it. ``nameless`` are ids
    of something live that no manifest, or more than one, has: where one is written it can only stay.
    """

    keys: Mapping[tuple[str, str], Key] = field(default_factory=dict)
    ids: Mapping[str, Key] = field(default_factory=dict)
    code: Mapping[str, str] = field(default_factory=dict)
    nameless: frozenset[str] = frozenset()

    @classmethod
    def of(cls, keys: Mapping[tuple[str, str], Key], code: Mapping[str, str], live: Iterable[str] = ()) -> Directory:
        """Leave out of ``ids`` what two kinds share, and what is too short to be told from any other word.

        ``live`` are all ids that are known, whether anything is declared of them or not.
        """
        ids: dict[str, Key] = {}
        shared: set[str] = set()
        for (_, found), key in keys.items():
            if _TOKEN.fullmatch(found):
                if found in ids:
                    shared.add(found)
                ids[found] = key
        nameless = shared.union(found for found in live if found not in ids and _TOKEN.fullmatch(found))
        return cls(keys, {found: key for found, key in ids.items() if found not in shared}, code, frozenset(nameless))


@dataclass(slots=True)
class Declared:
    """One resource as a manifest would declare it, or why it cannot be.

    ``links`` are the keys that the kind's own references name, ``mentions`` those of ids found in text; ``problems`` are empty
    for what can be declared. ``notes`` are comments by field of ``spec``, ``unsaid`` the fields that the manifest cannot say, and
    why, ``literal_ids`` those in which an id stays as it is, since a reference would close a circle or
    it is nobody's or two kinds' id. ``pinned`` is whether its code is known by digest only.
    """

    key: Key
    live: Observed
    spec: Tree = field(default_factory=dict)
    secrets: list[Placeholder] = field(default_factory=list)
    links: list[Key] = field(default_factory=list)
    mentions: list[Key] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: Tree = field(default_factory=dict)
    unsaid: list[tuple[str, str]] = field(default_factory=list)
    literal_ids: list[str] = field(default_factory=list)
    pinned: bool = False


Allowed = Callable[[Key, Key], bool]
"""Whether the first key's manifest may refer to the second one's, which is not so where that closes a circle."""


def declare(
    kind: Kind, key: Key, live: Observed, directory: Directory, variable: Callable[[str], str], allowed: Allowed
) -> Declared:
    """Write down one live resource. ``variable`` gives the name of the environment variable for a secret, by its path."""
    out = Declared(key, live)
    tree = live_tree(kind, live.body)
    _refer(kind, tree, directory, out)
    _code(kind, tree, directory, out)
    try:
        spec = {name: _clean(value, 0) for name, value in shorten(kind, tree).items()}
    except RecursionError:
        out.problems.append("it is nested deeper than a manifest may be")
        return out
    for rule in kind.secret_maps:
        _hide(rule, spec, live, directory, out, variable, allowed)
    if spec.get("name") == key.name:
        del spec["name"]
    out.spec = spec
    return out


def _refer(kind: Kind, tree: Tree, directory: Directory, out: Declared) -> None:
    """Turn ids into names of manifests; one that leads nowhere cannot be declared."""
    for reference in kind.references:
        if not reference.wire_field or (found := tree.pop(reference.wire_field, None)) is None:
            continue
        target = next((key for name in reference.kinds if (key := directory.keys.get((name, str(found))))), None)
        if target is None:
            what = " or ".join(reference.kinds)
            out.problems.append(f"its {reference.wire_field} is {found}, which is no {what} that can be declared")
        else:
            tree[reference.spec_field] = target.name
            out.links.append(target)


def _code(kind: Kind, tree: Tree, directory: Directory, out: Declared) -> None:
    """Name the folder that builds the live bundle, or pin the bundle's digest."""
    if kind.bundle is None:
        return
    bundle = tree.get(kind.bundle.field)
    if not isinstance(bundle, Bundle):
        out.problems.append(f"the API says nothing of its {kind.bundle.field}, not even a digest")
    elif (folder := directory.code.get(bundle.sha256)) is not None:
        tree[kind.bundle.field] = {"path": folder}
    else:
        tree[kind.bundle.field] = {"sha256": bundle.sha256}
        out.pinned = True
        out.notes[kind.bundle.field] = CODE_NOTE


def _clean(value: Any, depth: int) -> Any:
    """A value as manifests write it: no live ``${`` is taken for an expression, and whole numbers are whole."""
    kind = type(value)
    if kind is str:
        return _escaped(value) if "${" in value else value
    if kind is float:
        return int(value) if value.is_integer() and abs(value) < 2**63 else value
    if kind is dict or kind is list:
        if depth > MAX_DEPTH:
            raise RecursionError
        if kind is dict:
            return {key: _clean(item, depth + 1) for key, item in value.items()}
        return [_clean(item, depth + 1) for item in value]
    return value


def _hide(
    rule: SecretMap,
    spec: Tree,
    live: Observed,
    directory: Directory,
    out: Declared,
    variable: Callable[[str], str],
    allowed: Allowed,
) -> None:
    """Put placeholders where secrets are, and references where a value names another resource."""
    *parents, last = rule.path.split(".")
    node, raw, notes = spec, live.body, out.notes
    for part in parents:
        if not isinstance(node.get(part), dict):
            return
        node, raw = node[part], raw[part]
        notes = notes.setdefault(part, {})
    found = node.get(last)
    if not isinstance(found, dict):
        return
    shown: Tree = {}
    for name, value in found.items():
        if value is MASKED:
            path = f"{rule.path}.{name}"
            shown[name] = f"${{secret:env:{variable(path)}}}"
            out.secrets.append(Placeholder(variable(path), out.key, path))
            notes[last] = SECRETS_NOTE
        elif rule.plain is None and isinstance(raw[last][name], str):
            shown[name] = _mentioned(raw[last][name], f"{rule.path}.{name}", directory, out, allowed) or value
        elif value is not None:
            shown[name] = value
    node[last] = shown


def _mentioned(text: str, path: str, directory: Directory, out: Declared, allowed: Allowed) -> str:
    """The text with references in place of known ids; empty where there is none."""

    def usable(target: Key) -> bool:
        found = allowed(out.key, target)
        if not found:
            out.literal_ids.append(path)
        elif target not in out.mentions:
            out.mentions.append(target)
        return found

    if directory.nameless and not directory.nameless.isdisjoint(_TOKEN.findall(text)):
        out.literal_ids.append(path)
    return _with_names(text, directory, usable, _escaped)


def mentions_named(text: str, directory: Directory) -> str:
    """A live text with references in place of known ids, and otherwise as it is: for reading and comparing only."""
    return _with_names(text, directory, lambda _: True, str) or text


def _with_names(text: str, directory: Directory, usable: Callable[[Key], bool], plain: Callable[[str], str]) -> str:
    parts, position = [], 0
    for token in _TOKEN.finditer(text):
        target = directory.ids.get(token[0])
        if target is not None and usable(target):
            parts += [plain(text[position : token.start()]), f"${{ref:{target}.id}}"]
            position = token.end()
    return "".join([*parts, plain(text[position:])]) if parts else ""


def _escaped(text: str) -> str:
    return text.replace("${", "$${")
