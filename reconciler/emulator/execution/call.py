"""What an execution is given, what it may use up, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

OUTPUT_BYTES = 1 << 20
"""Most bytes of JSON that an action may answer with."""

LOG_BYTES = 256 << 10
"""Most bytes of JSON that an action may log; what comes after is dropped, and said to be."""

PRINTED_BYTES = 64 << 10
"""Most bytes that are kept of what an action prints to stdout, and to stderr."""

HEAP_MEGABYTES = 256
"""Memory for the action's objects (V8's old space)."""


@dataclass(frozen=True, slots=True)
class Call:
    """One execution. ``code`` is the archive; ``environment`` is all that the action finds in ``process.env``, but TMPDIR."""

    code: bytes = field(repr=False)
    inputs: Mapping[str, Any]
    environment: Mapping[str, str] = field(repr=False)
    action: Mapping[str, str]
    request_id: str
    timeout_seconds: float
    modules: Path | None = None

    def message(self, scratch: Path) -> dict[str, Any]:
        """Give what the runner reads from stdin, so that nothing of it shows in a list of processes."""
        return {
            "inputs": self.inputs,
            "environment": {"TMPDIR": str(scratch), **self.environment},
            "action": self.action,
            "requestId": self.request_id,
            "limits": {"outputBytes": OUTPUT_BYTES, "logBytes": LOG_BYTES},
        }


@dataclass(slots=True)
class Ending:
    """What became of an execution: at most one of ``output`` (with ``answered``), ``error`` and ``timed_out``.

    ``error`` is ``{name, message, stack, code}`` as the runner tells it. With none of the three the process ended by
    itself without an answer, or was stopped because it wrote ``too_much``.
    """

    answered: bool = False
    output: Any = None
    error: Mapping[str, Any] | None = None
    timed_out: bool = False
    too_much: bool = False
    exit_code: int | None = None
    seconds: float = 0.0
    logs: list[dict[str, Any]] = field(default_factory=list)
    printed: str = ""
