"""What a secret provider is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Address:
    """Where a secret is: ``provider:path#key``. ``key`` is empty where none was given."""

    provider: str
    path: str
    key: str = ""

    @classmethod
    def parse(cls, reference: str) -> Address:
        """Read a reference; what is missing stays empty."""
        provider, _, rest = reference.partition(":")
        path, _, key = rest.partition("#")
        return cls(provider, path, key)

    def __str__(self) -> str:
        return f"{self.provider}:{self.path}" + (f"#{self.key}" if self.key else "")


class Provider(Protocol):
    """A place that holds secrets."""

    def read(self, address: Address) -> str | None:
        """The value at an address, or None where the provider is out of reach here.

        Raises `SecretUnavailable` where it was reached and has no such value, or refuses to show it.
        """
        ...
