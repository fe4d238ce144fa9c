"""What the shell offers for arguments: targets, keys, kinds and codes, read without a network call.

Half of a command is written when this runs, and its project may be wrong: whatever cannot be read is offered as nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.errors import ReconcilerError

if TYPE_CHECKING:
    from reconciler.loading.project import Project

Completer = Callable[[click.Context, click.Parameter, str], list[str]]


def _completer(words: Callable[[click.Context], Iterable[str]]) -> Completer:
    """Offer those of some words that begin with what is written, sorted."""

    def complete(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
        found: list[str] = []
        with suppress(ReconcilerError, OSError):
            found = sorted(word for word in set(words(context)) if word.startswith(incomplete))
        return found

    return complete


def _project(context: click.Context) -> Project:
    from reconciler.loading.project_file import load_project

    directory = context.params.get("directory")
    return load_project(Path(directory) if directory else None)


def _targets(context: click.Context) -> Iterable[str]:
    return _project(context).targets


def _declared(context: click.Context) -> Iterable[str]:
    """The keys of all manifests, whether or not they are valid."""
    from reconciler.engine.workspace import declared_keys

    return declared_keys(_project(context))


def _jobs(context: click.Context) -> Iterable[str]:
    """The keys of all manifests of a job kind."""
    from reconciler.kinds import load_kinds

    kinds = {name for name, kind in load_kinds().items() if kind.kind_class == "job"}
    return (key for key in _declared(context) if key.partition("/")[0] in kinds)


def _actions(context: click.Context) -> Iterable[str]:
    """The keys of all data actions."""
    return (key for key in _declared(context) if key.startswith("DataAction/"))


def _owned(context: click.Context) -> Iterable[str]:
    """The keys that the target's ledger holds."""
    from reconciler.engine.state.ledger import load_ledger
    from reconciler.engine.state.store import open_store

    project = _project(context)
    target = project.target(context.params.get("target") or "local")
    store = open_store(target.ledger, project.root, target.name)
    return map(str, load_ledger(store, stack=project.stack, target=target.url).entries)


def _kinds(_context: click.Context) -> Iterable[str]:
    from reconciler.kinds import load_kinds

    return load_kinds()


def _topics(_context: click.Context) -> Iterable[str]:
    from reconciler.cli.explain import all_rules, other_documents
    from reconciler.kinds import load_kinds

    return [*load_kinds(), *other_documents(), *all_rules()]


targets = _completer(_targets)
declared_keys = _completer(_declared)
job_keys = _completer(_jobs)
action_keys = _completer(_actions)
owned_keys = _completer(_owned)
kinds = _completer(_kinds)
topics = _completer(_topics)
