"""``reconciler init``: a small project that works at once on the embedded emulator."""

from __future__ import annotations

import re
from pathlib import Path
from shlex import quote

import click

from reconciler.cli.common import Settings, document, standard_options
from reconciler.cli.pipelines import System, Wanted
from reconciler.errors import StorageError, UsageError
from reconciler.loading.project import PROJECT_FILE

_PROJECT = """\
apiVersion: cxone.reconciler/v1
kind: Project
metadata:
  name: {name}
spec:
  manifests: [manifests]
  prune: false          # true: what git no longer declares is deleted, within the guards
  guards:
    maxDeletes: 5
    maxDeletePercent: 30
    maxUpdatePercent: 50
  targets:
    local:
      url: "emulator:"  # embedded: its state is one file under .reconciler/
    # prod:
    #   url: https://api-us-2.cxone.com
    #   ledger: file:.reconciler/prod/    # a folder of this project: let one place apply
    #   vars: {{region: us}}
    #   apply: {{savedPlanOnly: true}}
    #   auth:
    #     clientId: "${{env:CXONE_CLIENT_ID}}"
    #     clientSecret: "${{secret:env:CXONE_CLIENT_SECRET}}"
"""

_DATASET = """\
apiVersion: cxone.reconciler/v1
kind: Dataset
metadata:
  name: callers
  labels: {team: contact-centre}
spec:
  name: Callers
  description: Who calls, by phone number
  primaryKey: phone
  columns:
    phone: {type: string, maxLength: 32}
    name: string
    tier: {type: string, maxLength: 16}
    lastContact: date
"""

_ACTION = """\
apiVersion: cxone.reconciler/v1
kind: DataAction
metadata:
  name: greet-caller
  labels: {team: contact-centre}
spec:
  description: Chooses a greeting by the caller's tier
  runtime: nodejs20
  code: {path: actions/greet-caller}
  timeoutSeconds: 5
  inputs:
    properties:
      name: {type: string}
      tier: {type: string}
    required: [name]
  outputs:
    properties:
      greeting: {type: string}
    required: [greeting]
  environment:
    COMPANY: Example Telecom
  tests:
    - name: a gold customer
      inputs: {name: Ada, tier: gold}
      expect: {greeting: "Welcome back to Example Telecom, Ada"}
---
apiVersion: cxone.reconciler/v1
kind: EventStream
metadata:
  name: calls
  labels: {team: contact-centre}
spec:
  name: Calls
  actionRef: greet-caller
  eventTypes: [call]
  status: ACTIVE
"""

_CODE = """\
// Gets the declared inputs, answers the declared outputs. process.env holds the manifest's environment.
module.exports = async (context, inputs) => {
  const company = process.env.COMPANY;
  context.logger.info('greeting', { tier: inputs.tier || 'none' });
  if (inputs.tier === 'gold') {
    return { greeting: `Welcome back to ${company}, ${inputs.name}` };
  }
  return { greeting: `Welcome to ${company}, ${inputs.name}` };
};
"""

_IGNORED = ".reconciler/"


@click.command(
    epilog="""\b
Examples:
  reconciler init
  reconciler init contact-centre
  reconciler init --ci github --target prod
  reconciler init contact-centre --ci gitlab --ledger s3://ops-bucket/cxone/prod
"""
)
@click.argument("directory_", metavar="[DIR]", required=False, type=click.Path(path_type=Path, file_okay=False))
@click.option("--ci", type=click.Choice(("github", "gitlab")), help="Add a pipeline, also to a project that is there.")
@click.option("--target", "-t", "target_name", default="prod", show_default=True, help="The target of the pipeline.")
@click.option("--ledger", metavar="URL", help="Where the pipeline's target keeps its ledger: s3://bucket/path.")
@click.option("--branch", metavar="NAME", help="The branch that is applied (default: the remote's own, else main).")
@standard_options(target=False)
def command(
    settings: Settings,
    directory_: Path | None,
    ci: System | None,
    target_name: str,
    ledger: str | None,
    branch: str | None,
) -> int:
    """Start a project that works at once on the embedded emulator.

    Writes reconciler.yaml, a dataset, a data action with its code, an event stream, and .gitignore. With --ci it adds a pipeline
    that reviews, applies and looks for drift, for which several machines must share a ledger. Never overwrites a file.
    """
    folder = directory_ or settings.directory or Path()
    if ci is None:
        if ledger or branch:
            raise UsageError("--ledger and --branch are about a pipeline", fix="add --ci github or --ci gitlab")
        written = write_new(folder, _files(folder))
    else:
        from reconciler.cli.pipelines.adding import add_pipeline

        fresh = {} if (folder / PROJECT_FILE).exists() else _files(folder)
        wanted = Wanted(ci, target_name, ledger or "", branch or "")
        written, steps = add_pipeline(settings, folder, fresh, wanted)
        for step in steps:
            settings.note(f"to do: {step}")
    document("\n".join(written))
    where = "" if folder == Path() else f"cd {quote(str(folder))} && "
    settings.note(f"next: {where}reconciler plan, then reconciler apply")
    return 0


def write_new(folder: Path, files: dict[str, str], *, ignore: bool = True) -> list[str]:
    """Write files that must not be there yet, all or none; returns their names.

    With ``ignore`` the tool's own state is kept out of git.
    """
    taken = [name for name in files if (folder / name).exists() or (folder / name).is_symlink()]
    if taken:
        raise UsageError(
            f"{', '.join(taken)} {'is' if len(taken) == 1 else 'are'} there already; nothing was written",
            fix="choose an empty folder: reconciler init DIR",
        )
    try:
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        if ignore:
            _ignore(folder / ".gitignore")
    except OSError as error:
        raise StorageError(
            f"the project cannot be written: {(error.strerror or 'error').lower()} ({error.filename})",
            fix="choose a folder that can be written",
        ) from error
    return [str(folder / name) for name in [*files, *([".gitignore"] if ignore else [])]]


def _files(folder: Path) -> dict[str, str]:
    """The files of a new project, by name; the project is called like its folder."""
    name = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-")[:63].strip("-") or "contact-centre"
    return {
        "reconciler.yaml": _PROJECT.format(name=name),
        "manifests/callers.yaml": _DATASET,
        "manifests/greet-caller.yaml": _ACTION,
        "actions/greet-caller/index.js": _CODE,
    }


def _ignore(path: Path) -> None:
    """Keep the tool's own state out of git; an existing file only grows by that line."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    if _IGNORED not in text.splitlines():
        separator = "" if not text or text.endswith("\n") else "\n"
        path.write_text(f"{text}{separator}{_IGNORED}\n", encoding="utf-8")
