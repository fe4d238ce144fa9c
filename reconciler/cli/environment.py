"""Options from the environment: every option of every command can be set by a variable too."""

from __future__ import annotations

import os
from typing import Final

import click

from reconciler.errors import UsageError

PREFIX: Final = "RECONCILER"

FORMATS: Final = frozenset({"text", "json", "markdown", "html", "github", "junit", "mermaid", "dot"})
"""What ``--format`` may name, over all commands."""

_IGNORED: Final = "reconciler.ignored"


def read_environment(command: click.Command, prefix: str) -> None:
    """Let all options of a command, and of those below it, read their variables.

    ``prefix`` is ``RECONCILER_<COMMAND>``. The command's own variable, ``RECONCILER_<COMMAND>_<OPTION>``, comes before the one
    that all commands share, ``RECONCILER_<OPTION>``; the command line comes before both.
    """
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not parameter.envvar and parameter.name:
            word = _variable(max(parameter.opts, key=len))
            own = (f"{prefix}_{word}", f"{prefix}_{_variable(parameter.name)}")
            parameter.envvar = [*dict.fromkeys(own), f"{PREFIX}_{word}"]
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            read_environment(inner, f"{prefix}_{_variable(name)}")


def _variable(word: str) -> str:
    return word.lstrip("-").replace("-", "_").upper()


class FormatOption(click.Option):
    """``--format``: one that only other commands have is ignored where the variable of all commands names it."""

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        """The value of the first variable that is set and means something to this command."""
        value = super().resolve_envvar_value(ctx)
        shared = f"{PREFIX}_FORMAT"
        names = self.envvar if isinstance(self.envvar, list) else []
        if value is None or any(os.environ.get(name) for name in names if name != shared):
            return value
        offered = self.type.choices if isinstance(self.type, click.Choice) else ()
        if value in offered or value not in FORMATS:
            return value
        ctx.meta[_IGNORED] = f"{shared}={value} is ignored: this command has {', '.join(map(str, offered))}"
        return None


def ignored(ctx: click.Context) -> str:
    """What was ignored of the environment, for ``-v``; empty where nothing was."""
    return str(ctx.meta.get(_IGNORED, ""))


def check_values(ctx: click.Context) -> None:
    """Raise `UsageError` for an option of the command line without any value: its shell variable was not set.

    Taken as if the option were not there, an empty ``--expect`` would apply whatever the changes are. In the environment an
    empty variable is one that is not set.
    """
    for parameter in ctx.command.params:
        name = parameter.name or ""
        value = ctx.params.get(name)
        empty = value == "" or (isinstance(value, tuple) and "" in value)
        if empty and isinstance(parameter, click.Option) and given(ctx, name):
            option = max(parameter.opts, key=len)
            raise UsageError(
                f"the value of {option} is empty", fix="leave the option out, or set the variable that it takes"
            )


def given(ctx: click.Context, name: str) -> bool:
    """Whether an option stands on the command line itself."""
    return ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
