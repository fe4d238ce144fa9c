"""Resolves ``${…}`` inside a spec: variables, environment and files now, secrets and live fields as typed leaves.

What stands where decides what an expression means: in a secret field ``${env:…}`` and ``${file:…}`` are secret references
too, and a plain field takes no secret at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from reconciler.core.diagnostic import PathParts
from reconciler.core.kind import Kind
from reconciler.core.values import Secret, Template, Unknown
from reconciler.errors import SecretUnavailable
from reconciler.loading import rules
from reconciler.loading.expressions import Expression, MalformedExpression, split
from reconciler.loading.findings import Findings
from reconciler.loading.inside import NotUsable, Reach, read_text
from reconciler.loading.leaves import BROKEN, Unread
from reconciler.loading.located import Located
from reconciler.loading.secrets import SecretResolver, problem
from reconciler.loading.suggest import did_you_mean


class UnreadEnvironment(Mapping[str, str]):
    """An environment of which nothing is read: every variable is there, and stands for itself (`Unread`).

    Offline comparisons say the same on every machine this way, and whoever writes manifests learns nothing of the machine's
    variables, the tokens of a pipeline among them.
    """

    def __getitem__(self, name: str) -> str:
        return Unread(f"${{env:{name}}}")

    def __contains__(self, name: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


Place = Literal["plain", "secret", "either"]
_WHOLE_VALUE: Final = "the whole value of the field must be one expression"


@dataclass(frozen=True, slots=True)
class Scope:
    """Where values come from: the target's variables, the environment, the project's files, secret providers.

    ``secrets`` None leaves secrets unresolved: nothing outside the project is asked.
    """

    reach: Reach
    variables: Mapping[str, Any]
    environ: Mapping[str, str]
    target: str = ""
    secrets: SecretResolver | None = None


def place_of(kind: Kind, path: PathParts) -> Place:
    """What may stand at a path of a kind's spec.

    Jobs are not written to the tenant and hold what they need to run, so any of their fields may be a secret.
    """
    for rule in kind.secret_maps:
        base = tuple(rule.path.split("."))
        if len(path) > len(base) and path[: len(base)] == base:
            if rule.plain is None:
                return "either"
            return "plain" if path[len(base)] in rule.plain else "secret"
    if kind.secret_fields and ".".join(str(part) for part in path) in kind.secret_fields:
        return "secret"
    return "either" if kind.kind_class == "job" else "plain"


_IN_KEYS: Final = "expressions are not resolved in keys"


class Resolver:
    """Resolves the expressions of one document's spec; what cannot be resolved is reported and becomes `BROKEN`."""

    def __init__(self, scope: Scope, findings: Findings, source: Located, kind: Kind) -> None:
        self._scope = scope
        self._findings = findings
        self._source = source
        self._kind = kind

    def resolve(self, value: Any, path: PathParts = ()) -> Any:
        """A value with its expressions resolved; parts without any are shared with the given one.

        ``path`` is where the value stands inside ``spec``.
        """
        if isinstance(value, str):
            return self._text(value, path) if "${" in value else value
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        copy: Any = None
        for key, item in items:
            if key.__class__ is str and "${" in key:
                fix = "write the key itself; what differs between targets goes into patches"
                self._findings.add(
                    rules.NO_EXPRESSIONS, _IN_KEYS, self._source, ("spec", *path, key), key=True, fix=fix
                )
            # Most values are plain text, and this loop sees all of them: calls and paths are for those that need one.
            kind = item.__class__
            if kind is str:
                if "${" not in item:
                    continue
            elif kind is not dict and kind is not list:
                continue
            new = self.resolve(item, (*path, key))
            if new is not item:
                if copy is None:
                    copy = value.copy()
                copy[key] = new
        return value if copy is None else copy

    def _text(self, text: str, path: PathParts) -> Any:
        try:
            parts = split(text)
        except MalformedExpression as error:
            return self._broken(rules.BAD_EXPRESSION, str(error), path, error.fix)
        place = place_of(self._kind, path)
        first = parts[0]
        if len(parts) == 1:
            return first if isinstance(first, str) else self._whole(first, path, place)
        for part in parts:
            if isinstance(part, Expression) and (part.scheme == "secret" or place == "secret"):
                return self._broken(rules.NOT_WHOLE, "a secret cannot stand inside a longer text", path, _WHOLE_VALUE)
        return self._joined(parts, path)

    def _joined(self, parts: tuple[str | Expression, ...], path: PathParts) -> Any:
        values = [part if isinstance(part, str) else self._plain(part, path) for part in parts]
        joined: list[str | Unknown] = []
        for part, value in zip(parts, values, strict=True):
            if value is BROKEN:
                return BROKEN
            if isinstance(value, (dict, list)) or value is None:
                name = part.body if isinstance(part, Expression) else ""
                return self._broken(rules.NOT_TEXT, f"variable `{name}` is no scalar", path, "use it as a whole value")
            text = value if isinstance(value, Unknown) else _written(value)
            if joined and isinstance(text, str) and isinstance(joined[-1], str):
                joined[-1] += text
            else:
                joined.append(text)
        only = joined[0]
        if len(joined) > 1 or isinstance(only, Unknown):
            return Template(tuple(joined))
        return Unread(only) if any(isinstance(value, Unread) for value in values) else only

    def _whole(self, part: Expression, path: PathParts, place: Place) -> Any:
        if part.scheme == "secret" or (place == "secret" and part.scheme in ("env", "file")):
            reference = part.body if part.scheme == "secret" else f"{part.scheme}:{part.body}"
            return self._secret(reference, path, place)
        return self._plain(part, path)

    def _secret(self, reference: str, path: PathParts, place: Place) -> Any:
        if place == "plain":
            fix = "move it to a secret field, or use ${env:…} for what is no secret"
            return self._broken(rules.MISPLACED_SECRET, "this field is not secret", path, fix)
        if wrong := problem(reference):
            return self._broken(rules.BAD_PROVIDER, wrong[0], path, wrong[1])
        secret = Secret(reference)
        if self._scope.secrets is None:
            return secret
        try:
            return self._scope.secrets.resolve(secret)
        except SecretUnavailable as error:
            return self._broken(rules.SECRET_UNAVAILABLE, error.message, path, error.fix)

    def _plain(self, part: Expression, path: PathParts) -> Any:
        if part.scheme == "ref":
            return Unknown(*part.reference)
        if part.scheme == "var":
            if part.body in self._scope.variables:
                return self._scope.variables[part.body]
            fix = did_you_mean(part.body, self._scope.variables, what="variables") or self._declare(part.body)
            return self._broken(rules.UNKNOWN_VARIABLE, f"there is no variable `{part.body}`", path, fix)
        if part.scheme == "env":
            if part.body in self._scope.environ:
                return self._scope.environ[part.body]
            fix = f"set {part.body}, or declare a variable of the target instead"
            return self._broken(rules.ENVIRONMENT, f"environment variable {part.body} is not set", path, fix)
        try:
            return read_text(self._scope.reach(part.body))
        except NotUsable as error:
            return self._broken(rules.FILE, f"file {part.body} {error}", path, "name a text file of the project")

    def _declare(self, name: str) -> str:
        return f"declare it: spec.targets.{self._scope.target or 'TARGET'}.vars.{name} in reconciler.yaml"

    def _broken(self, rule: Any, message: str, path: PathParts, fix: str = "") -> Any:
        self._findings.add(rule, message, self._source, ("spec", *path), fix=fix)
        return BROKEN


def _written(value: Any) -> str:
    """A scalar as YAML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
