"""``reconciler adopt``: take ownership of a live resource, without touching it."""

from __future__ import annotations

import click

from reconciler.cli import completion
from reconciler.cli.common import Settings, standard_options
from reconciler.cli.planning_options import LOCK_TIMEOUT, parse_key


@click.command(
    epilog="""\b
Examples:
  reconciler adopt Connector/crm
  reconciler adopt Connector/crm --id c0000001
"""
)
@click.argument("key", shell_complete=completion.declared_keys)
@click.option("--id", "resource_id", default="", help="The live resource's id (default: the one of the same name).")
@LOCK_TIMEOUT
@standard_options()
def command(settings: Settings, key: str, resource_id: str, lock_timeout: float) -> int:
    """Take ownership of a live resource that a manifest declares.

    The ledger remembers what is live now as last applied, so that the next plan shows what the manifest would change. The
    resource itself is not touched.
    """
    from reconciler.engine.ownership import adopt
    from reconciler.engine.session import Session

    with Session.open(settings.directory, settings.target, debug=settings.debug, detail=settings.verbose) as session:
        found = adopt(session, parse_key(key), resource_id, lock_timeout)
    settings.note(f"{key} is ours now (id {found}); `reconciler plan` shows what its manifest changes")
    return 0
