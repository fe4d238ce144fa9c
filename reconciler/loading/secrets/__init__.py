"""Where secrets come from: one file a provider, and a resolver that asks each of them once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from reconciler.core.values import Secret
from reconciler.loading.secrets.base import Address, Provider
from reconciler.loading.suggest import did_you_mean

PROVIDERS: Final[tuple[str, ...]] = ("env", "file", "vault")
"""The names of all providers; each is a module of this package with a ``make(root, environ)``."""

__all__ = ["PROVIDERS", "Address", "Provider", "SecretResolver", "problem"]


def problem(reference: str) -> tuple[str, str] | None:
    """What is wrong with the form of a reference such as ``vault:secret/crm#password``, and the fix; None where it is fine."""
    address = Address.parse(reference)
    if address.provider not in PROVIDERS:
        fix = did_you_mean(address.provider, PROVIDERS, what="providers")
        return f"there is no secret provider `{address.provider}`", fix
    return _module(address.provider)[1](address)


class SecretResolver:
    """Looks secrets up, each once.

    ``resolve`` gives a secret with its value, or the same one without where its provider is out of reach; it raises
    `SecretUnavailable` where the provider was reached and has no such value.
    """

    def __init__(self, root: Path, environ: Mapping[str, str]) -> None:
        self._root = root
        self._environ = environ
        self._providers: dict[str, Provider] = {}
        self._known: dict[str, Secret] = {}

    def resolve(self, secret: Secret) -> Secret:
        """Give the secret its value, where its provider is in reach."""
        if secret.resolved:
            return secret
        found = self._known.get(secret.reference)
        if found is None:
            address = Address.parse(secret.reference)
            found = Secret(secret.reference, self._provider(address.provider).read(address))
            self._known[secret.reference] = found
        return found

    def _provider(self, name: str) -> Provider:
        if name not in self._providers:
            self._providers[name] = _module(name)[0](self._root, self._environ)
        return self._providers[name]


_Make = Callable[[Path, Mapping[str, str]], Provider]
_Problem = Callable[[Address], tuple[str, str] | None]


def _module(name: str) -> tuple[_Make, _Problem]:
    """Import a provider when it is first needed: the larger ones bring a client library along."""
    from importlib import import_module

    module = import_module(f"{__name__}.{name}")
    make: _Make = module.make
    check: _Problem = module.problem
    return make, check
