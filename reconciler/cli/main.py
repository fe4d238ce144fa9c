"""The entry point: finds commands by file name and imports one only when it runs, so that starting stays cheap."""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

import click

from reconciler import __version__
from reconciler.cli.environment import PREFIX, read_environment
from reconciler.cli.streams import open_missing

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMMANDS: dict[str, str] = {
    "init": "Start a project that works at once on the embedded emulator.",
    "new": "Print a commented starter manifest.",
    "validate": "Check manifests without any network call.",
    "fmt": "Rewrite manifests in canonical layout.",
    "schema": "Write JSON Schemas for editors.",
    "explain": "Explain a kind, a field or an error code.",
    "graph": "Draw the dependency graph.",
    "plan": "Show what apply would change.",
    "show": "Show a saved plan.",
    "apply": "Make the tenant match the manifests.",
    "run": "Carry out data jobs.",
    "test": "Run the tests that data actions declare.",
    "diff": "Show what two revisions declare otherwise, or two tenants hold.",
    "drift": "Show what somebody changed behind git's back.",
    "export": "Write what is live down as manifests.",
    "adopt": "Take ownership of a live resource.",
    "forget": "Give up ownership of a live resource.",
    "ledger": "Inspect and lock the ledger.",
    "audit": "Show or verify the audit log.",
    "emulator": "Serve the API emulator on a loopback port.",
    "doctor": "Check the connection to a target, one line each.",
    "demo": "Tell the whole story on the embedded emulator.",
}
"""Commands in the order of a project's life, with the help line that the list shows (kept here so that ``--help``
imports none of them)."""


class LazyGroup(click.Group):
    """A group whose commands live in ``reconciler.cli.<name>`` as ``command`` and are imported on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """All command names, in the order of `COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the module of one command; None where there is none."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"reconciler.cli.{cmd_name}").command
        read_environment(command, f"{PREFIX}_{cmd_name.upper()}")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Resolve a command; an unknown one is answered with the nearest known."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches

            close = get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise click.UsageError(f"No such command {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Offer the commands from `COMMANDS`, without importing them."""
        from click.shell_completion import CompletionItem

        found = [CompletionItem(name, help=text) for name, text in COMMANDS.items() if name.startswith(incomplete)]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands from `COMMANDS`, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": PREFIX},
    epilog="Start with `reconciler demo`, or `reconciler init` in an empty folder.",
)
@click.version_option(__version__, prog_name="reconciler")
def cli() -> None:
    """Keep a NICE CXone tenant as your manifests say.

    YAML manifests in git are the desired state; plan shows the difference to what is live; apply makes exactly that
    difference, every write conditional on the state that the reviewer saw; drift tells when somebody changed the tenant
    behind git's back.
    """


GARBAGE_THRESHOLD = 1_000_000
"""Objects made between two collections. A command builds large trees once and makes hardly any cycles: with Python's own
threshold, a plan of 10,000 resources spends a third of its time looking through live objects."""


def _show(error: click.ClickException) -> None:
    """Say what click found wrong, which repeats what was typed, as text."""
    from io import StringIO

    from reconciler.cli.common import printable
    from reconciler.cli.streams import say

    shown = StringIO()
    error.show(file=shown)
    say(printable(shown.getvalue().rstrip("\n")))


def main() -> None:
    """Run the command line; click's usage errors leave with 64 as `reconciler --help` documents."""
    gc.set_threshold(GARBAGE_THRESHOLD, 20, 100)
    # Nobody else's code is to see what manifests hold; and looking for plugins imports fifty modules.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    open_missing()
    try:
        code = cli.main(prog_name="reconciler", standalone_mode=False)
    except click.ClickException as error:
        _show(error)
        code = 64
    except click.Abort:
        click.echo("Aborted.", err=True)
        code = 130
    finally:
        # What the process leaves behind goes with it: the interpreter need not look through it on its way out.
        gc.freeze()
    sys.exit(code if isinstance(code, int) else 0)
