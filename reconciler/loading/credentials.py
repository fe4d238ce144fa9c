"""Resolves what a target's settings only refer to, at the moment a client is built and not before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.core.values import Secret
from reconciler.errors import InvalidProject, SecretUnavailable
from reconciler.loading.expressions import Expression, MalformedExpression, split
from reconciler.loading.inside import NotUsable, inside, read_text
from reconciler.loading.project import Project, Target
from reconciler.loading.secrets import SecretResolver, problem


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client needs to get a token, resolved: an id and its secret, for the grant that the target names.

    ``proxy`` is the resolved proxy URL; it may hold a password and is kept out of ``repr``.
    """

    identity: str
    secret: Secret
    proxy: str = field(default="", repr=False)


def credentials(
    project: Project, target: Target, environ: Mapping[str, str], resolver: SecretResolver | None = None
) -> Credentials:
    """Resolve a target's id, secret and proxy.

    Raises `InvalidProject` where a setting is missing or malformed, `SecretUnavailable` where a secret cannot be had.
    """
    lookup = _Lookup(project, target, environ, resolver or SecretResolver(project.root, environ))
    auth = target.auth
    if auth.grant == "access_key":
        names, texts = ("accessKeyId", "accessKeySecret"), (auth.access_key_id, auth.access_key_secret)
    else:
        names, texts = ("clientId", "clientSecret"), (auth.client_id, auth.client_secret)
    for name, text in zip(names, texts, strict=True):
        if not text:
            raise InvalidProject(
                f"target {target.name} has no auth.{name}",
                fix=f"add spec.targets.{target.name}.auth.{name} to reconciler.yaml",
            )
    proxy = lookup.text("proxy", target.proxy) if target.proxy else ""
    return Credentials(lookup.text(f"auth.{names[0]}", texts[0]), lookup.secret(f"auth.{names[1]}", texts[1]), proxy)


class _Lookup:
    def __init__(self, project: Project, target: Target, environ: Mapping[str, str], resolver: SecretResolver) -> None:
        self._project = project
        self._target = target
        self._environ = environ
        self._resolver = resolver

    def secret(self, setting: str, text: str) -> Secret:
        """A setting that is one reference, as a secret whose value is known."""
        parts = self._split(setting, text)
        part = parts[0]
        if len(parts) != 1 or isinstance(part, str) or part.scheme not in ("secret", "env", "file"):
            raise self._wrong(setting, "must be one reference", "write ${secret:env:NAME}")
        return self._resolved(setting, part.body if part.scheme == "secret" else f"{part.scheme}:{part.body}")

    def text(self, setting: str, text: str) -> str:
        """A setting with all of its expressions resolved."""
        return "".join(
            part if isinstance(part, str) else self._one(setting, part) for part in self._split(setting, text)
        )

    def _split(self, setting: str, text: str) -> tuple[str | Expression, ...]:
        try:
            return split(text)
        except MalformedExpression as error:
            raise self._wrong(setting, str(error), error.fix) from None

    def _one(self, setting: str, part: Expression) -> str:
        if part.scheme == "secret":
            return self._resolved(setting, part.body).reveal()
        if part.scheme == "env" and part.body in self._environ:
            return self._environ[part.body]
        if part.scheme == "env":
            raise self._wrong(setting, f"environment variable {part.body} is not set", f"set {part.body}")
        if part.scheme == "var" and part.body in self._target.variables:
            return str(self._target.variables[part.body])
        if part.scheme == "file":
            try:
                return read_text(inside(self._project.root, part.body))
            except NotUsable as error:
                raise self._wrong(setting, f"file {part.body} {error}", "create it, or correct its path") from error
        raise self._wrong(setting, f"{part.text} leads to nothing", "declare the variable in vars of the target")

    def _resolved(self, setting: str, reference: str) -> Secret:
        if wrong := problem(reference):
            raise self._wrong(setting, *wrong)
        secret = self._resolver.resolve(Secret(reference))
        if not secret.resolved:
            raise SecretUnavailable(
                f"{setting} of target {self._target.name} cannot be had here: {reference} is out of reach",
                fix=how_to_reach(reference),
            )
        return secret

    def _wrong(self, setting: str, message: str, fix: str) -> InvalidProject:
        return InvalidProject(f"{setting} of target {self._target.name}: {message}", fix=fix)


def how_to_reach(reference: str) -> str:
    """What to do where the provider of a secret, ``provider:address``, is out of reach."""
    provider, _, path = reference.partition(":")
    return {
        "env": f"set the environment variable {path}",
        "file": f"provide the file {path.partition('#')[0]}",
    }.get(provider, "set VAULT_ADDR and VAULT_TOKEN, and check that the server answers")
