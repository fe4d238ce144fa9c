"""``reconciler forget``: give up ownership of a live resource, without touching it."""

from __future__ import annotations

import click

from reconciler.cli import completion
from reconciler.cli.common import Settings, standard_options
from reconciler.cli.planning_options import LOCK_TIMEOUT, parse_key


@click.command(epilog="\b\nExample:\n  reconciler forget Dataset/tickets\n")
@click.argument("key", shell_complete=completion.owned_keys)
@LOCK_TIMEOUT
@standard_options()
def command(settings: Settings, key: str, lock_timeout: float) -> int:
    """Give up ownership: the ledger forgets the resource, and it stays live as it is."""
    from reconciler.engine.ownership import forget
    from reconciler.engine.session import Session

    with Session.open(
        settings.directory, settings.target, debug=settings.debug, detail=settings.verbose, need_manifests=False
    ) as session:
        entry = forget(session, parse_key(key), lock_timeout)
    settings.note(f"{key} (id {entry.id}) is no longer ours; it stays live as it is")
    return 0
