"""Plans and reports in files: written whole or not at all, readable by their owner alone, and checked when read."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from reconciler.core.plan import Plan
from reconciler.core.plandigest import plan_digest
from reconciler.core.planfile import FORMAT_VERSION, plan_from_json
from reconciler.core.report import Report, report_from_json
from reconciler.errors import PlanFileError, StorageError
from reconciler.loading.atomic import write_atomically
from reconciler.render.document import render_plan_json

SIZE_LIMIT = 256 * 1024 * 1024
"""Bytes of the largest file that is read: some fifty thousand large changes."""

_ANEW = "make the plan anew with `reconciler plan --out FILE`"


@dataclass(frozen=True, slots=True)
class Saved:
    """What a file holds: a plan or a report, and the JSON as it was read."""

    data: dict[str, Any]
    plan: Plan | None = None
    report: Report | None = None


def write_plan(path: Path, plan: Plan) -> None:
    """Save a plan for ``apply FILE``; raises `StorageError` where it cannot be written."""
    write_text(path, render_plan_json(plan), mode=0o600)


def write_text(path: Path, text: str, *, mode: int | None = None) -> None:
    """Write a file through a temporary one beside it, so that a reader never sees half of it.

    ``mode`` is the new file's; by default an existing file keeps its own and a new one gets what the umask allows. A path
    that exists and is no regular file (``/dev/stdout``, a named pipe) is written to as it is. Raises `StorageError`.
    """
    data = text.encode("utf-8")
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(data)
        else:
            # Unlike `Path.resolve`, this takes a link that leads to itself and gives it back, to be replaced.
            whole = Path(os.path.realpath(path))
            write_atomically(whole, (data,), mode=_mode_of(whole) if mode is None else mode, durable=True)
    except OSError as error:
        raise StorageError(
            f"{path} cannot be written: {error.strerror or error}", fix="check the folder, its rights and its space"
        ) from error


def _mode_of(path: Path) -> int:
    """The mode that an existing file has, or that a new one gets here."""
    try:
        return path.stat().st_mode & 0o777
    except FileNotFoundError:
        mask = os.umask(0o022)
        os.umask(mask)
        return 0o666 & ~mask


def read_plan(path: Path) -> Plan:
    """Read a saved plan; raises `PlanFileError` where it is damaged, was changed, is too new, or is no plan at all."""
    saved = read_saved(path)
    if saved.plan is None:
        raise PlanFileError(f"{path} holds a report, not a plan", fix="name the file that `plan --out` wrote")
    return saved.plan


def read_saved(path: Path) -> Saved:
    """Read a saved plan or report, whichever the file holds; raises `PlanFileError`."""
    data = _read_json(path)
    try:
        if "results" in data:
            return Saved(data, report=report_from_json(data))
        plan, digest = plan_from_json(data), plan_digest(data)
    except (ValueError, RecursionError) as error:
        fix = f"this tool reads format {FORMAT_VERSION}: use the version of reconciler that wrote it, or {_ANEW}"
        raise PlanFileError(f"{path} cannot be read: {error}", fix=fix) from error
    if data.get("planDigest") != digest:
        raise PlanFileError(f"{path} is not as it was written: its digest does not match its content", fix=_ANEW)
    return Saved(data, plan=plan)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            content = file.read(SIZE_LIMIT + 1)
    except OSError as error:
        raise PlanFileError(
            f"{path} cannot be read: {error.strerror or error}", fix="name a file that `plan --out` wrote"
        ) from error
    if len(content) > SIZE_LIMIT:
        raise PlanFileError(f"{path} is larger than {SIZE_LIMIT // 1024 // 1024} MB, which no plan is", fix=_ANEW)
    try:
        data = json.loads(content, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise PlanFileError(f"{path} is not JSON: {error}", fix=_ANEW) from error
    if not isinstance(data, dict):
        raise PlanFileError(f"{path} holds no plan: it is not a JSON object", fix=_ANEW)
    return data


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
