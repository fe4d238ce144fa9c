"""``reconciler schema``: JSON Schemas of the manifests, for editors and pipelines."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.common import Settings, standard_options
from reconciler.errors import StorageError

if TYPE_CHECKING:
    from pydantic import BaseModel

    from reconciler.core.kind import Kinds

_MODELINE = "# yaml-language-server: $schema="
_KIND_LINE = re.compile(r"^kind:[ \t]*[\"']?([A-Za-z][A-Za-z0-9]*)", re.MULTILINE)


@click.command(
    epilog="""\b
Examples:
  reconciler schema                 write them to schemas/
  reconciler schema --modeline      and tell editors in the first line of each manifest
  reconciler schema --check         only compare, exit 1 when something is out of date
"""
)
@click.argument("folder", metavar="[DIR]", type=click.Path(path_type=Path, file_okay=False), required=False)
@click.option("--check", is_flag=True, help="Write nothing; exit 1 when a file would change.")
@click.option("--modeline", is_flag=True, help="Put the line that editors read on top of the project's manifests.")
@standard_options(target=False)
def command(settings: Settings, folder: Path | None, check: bool, modeline: bool) -> int:
    """Write the JSON Schemas (2020-12) of all kinds, of the project file, and all.json for manifests of any kind.

    DIR is the folder to write to, schemas/ by default: in the project given by -C, else here.
    """
    from reconciler.kinds import load_kinds

    kinds = load_kinds()
    folder = folder or (settings.directory or Path()) / "schemas"
    wanted = {folder / name: text for name, text in schema_files(kinds).items()}
    if modeline:
        wanted |= _with_modelines(settings, folder, kinds)
    stale = [path for path, text in wanted.items() if _read(path) != text]
    for path in stale:
        if not check:
            _write(path, wanted[path])
        settings.note(f"{'out of date' if check else 'written'}: {_from_here(path)}")
    if check and stale:
        settings.note("run `reconciler schema` with the same options, without --check")
    return 1 if check and stale else 0


def _from_here(path: Path) -> Path:
    """A path as a person at the prompt would write it: relative where it lies below the working folder."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def schema_files(kinds: Kinds) -> dict[str, str]:
    """All schemas by file name: one a kind, ``Project.json``, and ``all.json`` for manifests of any kind."""
    from reconciler.kinds.schema import manifest_schema, union_schema

    schemas = {f"{name}.json": manifest_schema(kind) for name, kind in kinds.items()}
    schemas["Project.json"] = project_schema()
    schemas |= {f"{name}.json": schema for name, schema in guard_schemas().items()}
    schemas["all.json"] = union_schema(kinds.values())
    return {name: json.dumps(schema, indent=2, ensure_ascii=False) + "\n" for name, schema in schemas.items()}


def project_schema() -> dict[str, Any]:
    """The JSON Schema of ``reconciler.yaml``."""
    from reconciler.kinds.schema.manifest import DIALECT
    from reconciler.kinds.schema.plain import model_schema
    from reconciler.loading.project_model import ProjectFile

    schema = model_schema(ProjectFile)
    notes = {"$schema": DIALECT, "$id": "Project.json", "title": "Project"}
    return {**notes, **schema}


def guard_schemas() -> dict[str, dict[str, Any]]:
    """The JSON Schemas of the files beside the project file: written guards, and acknowledgements."""
    from reconciler.kinds.schema.manifest import DIALECT
    from reconciler.kinds.schema.plain import model_schema
    from reconciler.loading.acknowledgement_model import AcknowledgementsFile
    from reconciler.loading.guard_model import GuardRulesFile

    models: dict[str, type[BaseModel]] = {"GuardRules": GuardRulesFile, "Acknowledgements": AcknowledgementsFile}
    return {
        name: {"$schema": DIALECT, "$id": f"{name}.json", "title": name, **model_schema(model)}
        for name, model in models.items()
    }


def generated_files() -> dict[str, str]:
    """Everything in this project's own repository that is generated: schemas and documentation, by path."""
    from reconciler.kinds import load_kinds
    from reconciler.kinds.schema import page
    from reconciler.kinds.schema.page import index_page
    from reconciler.render.schemas import schema_files as document_schemas

    kinds = load_kinds()
    files = {f"schemas/{name}": text for name, text in schema_files(kinds).items()}
    files |= {f"docs/manifests/{name}.md": page(kind) for name, kind in kinds.items()}
    files["docs/manifests/README.md"] = index_page(kinds.values())
    files |= {f"schemas/{name}": text for name, text in document_schemas().items()}
    return files


def _with_modelines(settings: Settings, folder: Path, kinds: Kinds) -> dict[Path, str]:
    """The project's files that need another first line, with their new text; line ends and a BOM stay as they are."""
    from reconciler.loading.project import PROJECT_FILE
    from reconciler.loading.project_file import load_project
    from reconciler.loading.yaml import discover

    project = load_project(settings.directory)
    found: dict[Path, str] = {}
    beside = [*project.guards.rules, *project.guards.acknowledgements]
    known = {*kinds, *guard_schemas()}
    for path in [project.root / PROJECT_FILE, *discover(project.root, [*project.manifests, *beside])]:
        text = _read(path)
        if text is None:
            continue
        name = "Project.json" if path.name == PROJECT_FILE else _schema_of(text, known)
        relative = Path(os.path.relpath(folder.resolve(), path.resolve().parent)).as_posix()
        found[path] = with_modeline(text, f"{relative}/{name}")
    return found


def _schema_of(text: str, kinds: Collection[str]) -> str:
    """The schema for a file: its kind's own where all its documents are of one kind, else the one for all."""
    named = set(_KIND_LINE.findall(text))
    return f"{named.pop()}.json" if len(named) == 1 and named.issubset(kinds) else "all.json"


def with_modeline(text: str, schema: str) -> str:
    """A manifest's text with the editors' line on top, in place of one that is there already."""
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    body = text.removeprefix("\ufeff")
    end = "\r\n" if "\r\n" in body.partition("\n")[0] + "\n" else "\n"
    first, newline, rest = body.partition("\n")
    if first.startswith("# yaml-language-server:"):
        body = rest if newline else ""
    return f"{mark}{_MODELINE}{schema}{end}{body}"


def _read(path: Path) -> str | None:
    """A file's text with its line ends as they are; None where there is no such file."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"{path} can't be read: {error}", fix="make it a readable UTF-8 text file") from error


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
    except OSError as error:
        raise StorageError(
            f"{path} can't be written: {error.strerror}", fix="check the folder and its rights"
        ) from error
