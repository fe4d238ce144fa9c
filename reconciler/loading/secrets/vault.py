"""Secrets in HashiCorp Vault or OpenBao, KV version 2: ``vault:MOUNT/PATH#KEY`` (extra ``vault``).

Address, token, namespace and CA come from the variables that Vault's own tools read: ``VAULT_ADDR``, ``VAULT_TOKEN``,
``VAULT_NAMESPACE``, ``VAULT_CACERT``. Without the first two the provider is out of reach.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reconciler.errors import SecretUnavailable
from reconciler.loading.secrets.base import Address

_TIMEOUT_SECONDS = 10


class VaultSecrets:
    """Reads KV v2 secrets, each path once. A server that does not answer is out of reach from then on."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._client: Any = None
        self._unreachable = not (environ.get("VAULT_ADDR") and environ.get("VAULT_TOKEN"))
        self._read: dict[str, Mapping[str, Any]] = {}

    def read(self, address: Address) -> str | None:
        """The value of one key; None where Vault is not configured or does not answer."""
        if self._unreachable:
            return None
        if address.path not in self._read:
            data = self._fetch(address)
            if data is None:
                self._unreachable = True
                return None
            self._read[address.path] = data
        value = self._read[address.path].get(address.key)
        if not isinstance(value, str) or not value:
            raise SecretUnavailable(
                f"the Vault secret {address.path} has no text under {address.key}", fix="check the key after #"
            )
        return value

    def _fetch(self, address: Address) -> Mapping[str, Any] | None:
        client = self._connect()
        import requests
        from hvac import exceptions

        mount, _, path = address.path.partition("/")
        try:
            answer = client.secrets.kv.v2.read_secret_version(
                path=path, mount_point=mount, raise_on_deleted_version=True
            )
            data = answer["data"]["data"]
        except requests.RequestException:
            return None
        except exceptions.InvalidPath:
            raise SecretUnavailable(
                f"Vault has no secret {address.path}", fix="check mount and path: ${secret:vault:MOUNT/PATH#KEY}"
            ) from None
        except exceptions.Forbidden:
            raise SecretUnavailable(
                f"Vault does not let this token read {address.path}", fix="renew VAULT_TOKEN, or extend its policy"
            ) from None
        except (exceptions.VaultError, KeyError, TypeError, ValueError) as error:
            raise SecretUnavailable(
                f"Vault gave no usable answer for {address.path}: {type(error).__name__}",
                fix="check VAULT_ADDR, and that the mount is a KV store of version 2",
            ) from None
        return data if isinstance(data, dict) else {}

    def _connect(self) -> Any:
        if self._client is None:
            try:
                import hvac
            except ImportError as error:
                raise SecretUnavailable(
                    "the Vault provider is not installed", fix="pip install 'reconciler[vault]'"
                ) from error
            self._client = hvac.Client(
                url=self._environ["VAULT_ADDR"],
                token=self._environ["VAULT_TOKEN"],
                namespace=self._environ.get("VAULT_NAMESPACE") or None,
                verify=self._environ.get("VAULT_CACERT") or True,
                timeout=_TIMEOUT_SECONDS,
            )
        return self._client


def make(root: Path, environ: Mapping[str, str]) -> VaultSecrets:  # noqa: ARG001
    """Make the provider for one run."""
    return VaultSecrets(environ)


def problem(address: Address) -> tuple[str, str] | None:
    """What is wrong with the form of an address, and the fix."""
    mount, _, path = address.path.partition("/")
    if not (mount and path and address.key):
        return "a Vault secret is named by mount, path and key", "write ${secret:vault:MOUNT/PATH#KEY}"
    return None
