"""The root of all errors."""

from __future__ import annotations

from typing import ClassVar


class ReconcilerError(Exception):
    """The root of all errors that this tool raises on purpose.

    ``message`` says what happened, ``fix`` what the reader can do; neither ever holds a secret's value.
    """

    code: ClassVar[str] = "X000"

    def __init__(self, message: str, *, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix

    def __str__(self) -> str:
        return self.message
