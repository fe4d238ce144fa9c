"""Saved plans and reports as files: written whole or not at all, and checked when they are read."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

import orjson

from reconciler.core.plan import Plan
from reconciler.core.planfile import plan_digest, plan_from_json, plan_to_json
from reconciler.errors import PlanFileError, StorageError

MAX_BYTES = 512 * 1024 * 1024
"""Largest plan file that is read, in bytes."""


def write_plan(path: Path, plan: Plan) -> None:
    """Save a plan for ``apply FILE``; readable by its owner only, since it holds fingerprints of secrets."""
    data = orjson.dumps(plan_to_json(plan), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)
    _write(path, data, mode=0o600)


def write_text(path: Path, text: str) -> None:
    """Write a report's text."""
    _write(path, text.encode("utf-8"), mode=0o644)


def read_plan(path: Path) -> Plan:
    """Read a saved plan back; raises `PlanFileError` where it is damaged, changed by hand, or of a newer format."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise PlanFileError(f"{path.name} is larger than any plan", fix="name a file that `plan --out` wrote")
        raw = path.read_bytes()
    except OSError as error:
        raise StorageError(f"cannot read {path.name}: {error.strerror or error}", fix="check the path") from error
    try:
        data = orjson.loads(raw)
        if not isinstance(data, dict) or "changes" not in data:
            raise ValueError("it is no plan")  # noqa: TRY301, TRY004 - one way out for all that is not a plan
        plan = plan_from_json(data)
    except ValueError as error:
        raise PlanFileError(f"{path.name} cannot be used: {error}", fix="save the plan again with `plan --out`") from error
    if plan_digest(data) != data.get("planDigest"):
        raise PlanFileError(
            f"{path.name} was changed after it was made: its digest does not fit", fix="save the plan again"
        )
    return plan


def _write(path: Path, data: bytes, *, mode: int) -> None:
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            os.fchmod(file.fileno(), mode)
        Path(temporary).replace(path)
        temporary = ""
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror or error}", fix="check folder and disk") from error
    finally:
        if temporary:
            with suppress(OSError):
                Path(temporary).unlink()
