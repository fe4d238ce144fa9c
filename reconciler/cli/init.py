"""``reconciler init``: a small project that works at once on the embedded emulator."""

from __future__ import annotations

import re
from pathlib import Path
from shlex import quote

import click

from reconciler.cli.common import Settings, document, standard_options
from reconciler.errors import StorageError, UsageError

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
"""
)
@click.argument("directory_", metavar="[DIR]", required=False, type=click.Path(path_type=Path, file_okay=False))
@standard_options(target=False)
def command(settings: Settings, directory_: Path | None) -> int:
    """Start a project that works at once on the embedded emulator.

    Writes reconciler.yaml, a dataset, a data action with its code, an event stream, and .gitignore. Never overwrites a file.
    """
    folder = directory_ or settings.directory or Path()
    files = _files(folder)
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
        _ignore(folder / ".gitignore")
    except OSError as error:
        raise StorageError(
            f"the project cannot be written: {(error.strerror or 'error').lower()} ({error.filename})",
            fix="choose a folder that can be written",
        ) from error
    document("\n".join(str(folder / name) for name in [*files, ".gitignore"]))
    where = "" if folder == Path() else f"cd {quote(str(folder))} && "
    settings.note(f"next: {where}reconciler plan, then reconciler apply")
    return 0


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
