"""``reconciler ledger``: look at what was last applied, freeze it, and check that it holds together."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import completion
from reconciler.cli.common import Settings, document, printable, standard_options
from reconciler.cli.planning_options import LOCK_TIMEOUT, parse_key
from reconciler.errors import UsageError

if TYPE_CHECKING:
    from reconciler.engine.state.holder import Holder
    from reconciler.engine.state.store import StateStore

_NAMED = 10
"""Keys of an apply that is given up which are named one by one; the intents of many may be on record before their turn."""


@click.group(
    epilog="""\b
Examples:
  reconciler ledger list
  reconciler ledger show Connector/crm
  reconciler ledger lock --purpose "migration tonight"
  reconciler ledger unlock
"""
)
def command() -> None:
    """Inspect, freeze and verify the ledger: what this project last applied to a target."""


def _open(settings: Settings) -> tuple[StateStore, str, str]:
    """The store of the target's ledger, with the stack and tenant that it must belong to."""
    from reconciler.engine.state.store import open_store
    from reconciler.loading.project_file import load_project

    project = load_project(settings.directory)
    target = project.target(settings.target)
    return open_store(target.ledger, project.root, target.name), project.stack, target.url


def _json(value: Any) -> str:
    import orjson

    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode()


@command.command(
    "list",
    epilog="""\b
Examples:
  reconciler ledger list
  reconciler ledger list -t prod --format json
""",
)
@standard_options(formats=("text", "json"))
def list_(settings: Settings) -> int:
    """List what the ledger holds: key, id, live name."""
    from reconciler.engine.state.ledger import load_ledger

    store, stack, target = _open(settings)
    ledger = load_ledger(store, stack=stack, target=target)
    entries = [ledger.entries[key] for key in sorted(ledger.entries)]
    if settings.format == "json":
        document(_json([{"key": str(item.key), "id": item.id, "name": item.live_name} for item in entries]))
        return 0
    if not entries:
        settings.note("The ledger holds nothing yet.")
    width = max((len(str(item.key)) for item in entries), default=0)
    document("\n".join(f"{item.key!s:{width}}  {item.id}  {printable(item.live_name)}" for item in entries))
    return 0


@command.command(
    epilog="""\b
Examples:
  reconciler ledger show Connector/crm
  reconciler ledger show Connector/crm --format json
"""
)
@click.argument("key", shell_complete=completion.owned_keys)
@standard_options(formats=("text", "json"))
def show(settings: Settings, key: str) -> int:
    """Show the fields that were last applied to one resource; secrets only by where they come from."""
    from reconciler.core.codec import entry_to_json
    from reconciler.engine.state.ledger import load_ledger

    store, stack, target = _open(settings)
    ledger = load_ledger(store, stack=stack, target=target)
    entry = ledger.entries.get(parse_key(key))
    if entry is None:
        raise UsageError(f"the ledger does not know {key}", fix="`reconciler ledger list` shows what it knows")
    data = entry_to_json(entry)
    data["fields"] = _readable(data["fields"])
    if settings.format == "json":
        document(_json({"key": key, **data}))
        return 0
    lines = [f"{key} (id {entry.id})"]
    lines += [f"  {name}: {printable(_short(value))}" for name, value in sorted(data["fields"].items())]
    lines += [f"depends on {item}" for item in data["dependencies"]]
    lines += [text for flag, text in ((entry.protect, "protected"), (entry.retain, "retained")) if flag]
    document("\n".join(lines))
    return 0


def _readable(value: Any) -> Any:
    """Typed leaves as people read them; a fingerprint helps nobody."""
    if isinstance(value, dict):
        marked = value.get("@reconciler")
        if isinstance(marked, dict) and "secret" in marked:
            known = "" if marked.get("fingerprint") else ", to which value is not known"
            return f"(secret from {marked['secret']}{known})"
        if isinstance(marked, dict) and "bundle" in marked:
            return f"sha256:{marked['bundle']}"
        return {key: _readable(item) for key, item in value.items()}
    return [_readable(item) for item in value] if isinstance(value, list) else value


def _short(value: Any) -> str:
    import orjson

    return value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


@command.command(
    epilog="""\b
Examples:
  reconciler ledger lock --purpose "migration tonight"
"""
)
@click.option("--purpose", default="frozen by hand", show_default=True, help="Shown to everybody who is kept out.")
@standard_options()
def lock(settings: Settings, purpose: str) -> int:
    """Freeze the ledger: no apply, adopt or forget until it is unlocked."""
    from reconciler.engine.actor import actor
    from reconciler.engine.state.holder import holder_here

    store, _, _ = _open(settings)
    store.freeze(holder_here(actor(), purpose, frozen=True))
    settings.note("The ledger is frozen; `reconciler ledger unlock` ends it.")
    return 0


@command.command(
    epilog="""\b
Examples:
  reconciler ledger unlock
  reconciler ledger unlock --yes
  reconciler ledger unlock --discard-journal
"""
)
@click.option(
    "--discard-journal",
    is_flag=True,
    help="Give up an apply that was interrupted and cannot be resumed; what is known of it is kept.",
)
@click.option("--yes", "-y", is_flag=True, help="Do not ask before a running command loses its lock.")
@LOCK_TIMEOUT
@standard_options()
def unlock(settings: Settings, discard_journal: bool, yes: bool, lock_timeout: float) -> int:
    """End a freeze, or take the lock away from a command that holds it, after asking; says who that was.

    A command whose lock was taken sends nothing more, and what it left can be resumed. On a shared ledger the next command gets
    the lock once the lease has run out that the holder had, so that the two never write at once.
    """
    store, stack, target = _open(settings)
    frozen = store.thaw()
    if frozen is not None:
        document(f"was {printable(str(frozen))}")
    holder = store.holder()
    # Who gives up an interrupted apply wants the lock for himself, and is told who has it.
    if holder is not None and (yes or not discard_journal):
        if not _take_away(settings, store, holder, yes=yes):
            settings.note("Nothing was done.")
            return 1
    elif frozen is None and not discard_journal:
        document("not locked")
    if discard_journal:
        _discard(settings, store, stack, target, lock_timeout)
    return 0


def _take_away(settings: Settings, store: StateStore, holder: Holder, *, yes: bool) -> bool:
    """Break a lease, false where the answer was no; raises `UsageError` where it is still live and nobody can be asked."""
    if not holder.lapsed and not yes:
        if not settings.interactive or not sys.stdin.isatty():
            document(printable(str(holder)))
            raise UsageError(
                "a command holds the ledger, and there is nobody to ask whether to take it away",
                fix="let it end; or, where you know that it will not, add --yes",
            )
        settings.note(f"The ledger is {printable(str(holder))}.")
        if not click.confirm("Take the lock away? The command that holds it stops before its next request.", err=True):
            return False
    broken = store.break_lease()
    document("not locked" if broken is None else f"was {printable(str(broken))}")
    if broken is not None and broken.expires and not broken.lapsed:
        settings.note(f"The lock is free from {broken.expires} on; `apply --lock-timeout SECONDS` waits for it.")
    return True


def _discard(settings: Settings, store: StateStore, stack: str, target: str, lock_timeout: float) -> None:
    from reconciler.engine.actor import actor
    from reconciler.engine.state.discard import discard_journal

    with store.lease(actor(), "giving up an interrupted apply", lock_timeout):
        found = discard_journal(store, stack=stack, target=target, actor=actor())
    if found is None:
        document("no apply was interrupted")
        return
    document(
        f"gave up the apply of {printable(found.started)}; "
        f"{found.kept} of its ledger records are kept, its journal is {found.name} now"
    )
    if found.damaged:
        settings.note(
            "The journal was damaged: what it said behind the damage is lost; `reconciler plan` shows what is live."
        )
    if found.foreign:
        settings.note("It was the journal of another stack or tenant: nothing of it was taken over.")
    for key in found.undecided[:_NAMED]:
        settings.note(
            f"{key}: whether its last request was carried out is not known; `reconciler plan` shows what is live."
        )
    if len(found.undecided) > _NAMED:
        settings.note(f"The same goes for {len(found.undecided) - _NAMED} more, whose intents are in {found.name}.")


@command.command(
    epilog="""\b
Examples:
  reconciler ledger verify
  reconciler ledger verify -t prod --format json
"""
)
@standard_options(formats=("text", "json"))
def verify(settings: Settings) -> int:
    """Check that ledger, journal and audit log read back and fit together."""
    from reconciler.engine.state.checkup import check_state

    store, stack, target = _open(settings)
    findings = check_state(store, stack=stack, target=target)
    if settings.format == "json":
        document(
            _json({"ok": not any(item.bad for item in findings), "findings": [item.to_json() for item in findings]})
        )
    else:
        document("\n".join(f"{'FAIL' if item.bad else 'ok':4}  {item.subject}: {item.message}" for item in findings))
    return 1 if any(item.bad for item in findings) else 0
