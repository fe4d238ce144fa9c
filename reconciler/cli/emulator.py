"""``reconciler emulator``: serve the API emulator on a loopback port."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from reconciler.cli.common import Settings, standard_options
from reconciler.errors import EmulatorFailed, UsageError


@click.command(
    epilog="""\b
Examples:
  reconciler emulator --port 8080
  reconciler emulator --state tenant.sqlite --rate-limit 50 --concurrency version
"""
)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port on 127.0.0.1; 0 takes any free one.")
@click.option("--state", type=click.Path(path_type=Path, dir_okay=False), help="Keep the tenant in this SQLite file.")
@click.option("--rate-limit", type=float, metavar="N", help="Answer 429 beyond N requests a second.")
@click.option(
    "--page-size",
    type=click.IntRange(1, 500),
    default=100,
    show_default=True,
    help="Items on a page, where a request does not say.",
)
@click.option(
    "--pagination",
    type=click.Choice(["page", "offset", "token"]),
    default="page",
    show_default=True,
    help="How listings are paged: page and pageSize, skip and top, or a scroll token.",
)
@click.option(
    "--concurrency",
    type=click.Choice(["etag", "version", "none"]),
    default="etag",
    show_default=True,
    help="What writes can be conditional on: ETags, a connector's version alone, or nothing.",
)
@click.option(
    "--latency",
    "latency_seconds",
    type=float,
    default=0.0,
    metavar="SECONDS",
    help="Answer no earlier than so long after a request.",
)
@click.option(
    "--client",
    "clients",
    multiple=True,
    metavar="ID:SECRET[:SCOPES]",
    help="An API client; repeatable (default: local:local-secret with all scopes).",
)
@click.option(
    "--token-lifetime",
    "token_lifetime_seconds",
    type=int,
    default=3600,
    metavar="SECONDS",
    show_default=True,
    help="How long a token is good for.",
)
@click.option("--webhook-secret", help="Key of the signatures on webhooks.")
@click.option(
    "--action-modules",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of Node.js modules that actions may require (or with a node_modules inside).",
)
@click.option(
    "--action-env",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Environment of every action: a file of NAME=value lines.",
)
@click.option("--seed", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Fill the tenant (JSON).")
@click.option("--faults", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Fault rules (JSON).")
@standard_options(target=False)
def command(settings: Settings, port: int, clients: tuple[str, ...], **options: Any) -> None:  # noqa: ARG001
    """Serve the API emulator on 127.0.0.1 until it is interrupted.

    When it is ready it prints one JSON line with its URL. Its controls are under /_emulator/, its description at
    /openapi.json.
    """
    from reconciler import emulator

    try:
        parsed = tuple(emulator.parse_client(text) for text in clients)
        if parsed:
            options["clients"] = parsed
        chosen = emulator.Settings(**options)
    except ValueError as error:
        raise UsageError(str(error)) from error
    try:
        emulator.serve(chosen, port=port)
    except emulator.StateError as error:
        raise EmulatorFailed(error.message, fix=error.fix) from error
    except (OSError, ValueError) as error:
        raise EmulatorFailed(f"the emulator cannot start: {error}", fix="choose another port or state file") from error
