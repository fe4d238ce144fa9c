"""Every command explains itself, with examples, and is found by its name."""

from __future__ import annotations

import click
import pytest

from reconciler.cli.main import COMMANDS, cli
from tests.support.project import run


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_shows_examples(name: str) -> None:
    ran = run(name, "--help").ok()
    assert ran.out.startswith(f"Usage: reconciler {name}")
    assert "Example" in ran.out
    assert f"reconciler {name}" in ran.out.partition("Example")[2]
    assert ran.err == ""


@pytest.mark.parametrize("name", ["list", "show", "lock", "unlock", "verify"])
def test_so_does_every_command_of_the_ledger(name: str) -> None:
    ran = run("ledger", name, "--help").ok()
    assert ran.out.startswith(f"Usage: reconciler ledger {name}")
    assert f"reconciler ledger {name}" in ran.out.partition("Example")[2]


def test_every_option_says_what_it_is_for() -> None:
    context = click.Context(cli)
    commands = {name: cli.get_command(context, name) for name in COMMANDS}
    group = commands["ledger"]
    assert isinstance(group, click.Group)
    for name, command in [*commands.items(), *group.commands.items()]:
        assert command is not None
        silent = [item.name for item in command.params if isinstance(item, click.Option) and not item.help]
        assert not silent, name


def test_the_list() -> None:
    ran = run("--help").ok()
    assert all(f"  {name} " in ran.out for name in COMMANDS)


def test_a_word_that_is_no_command() -> None:
    ran = run("aply").ok(64)
    assert "'apply'" in ran.err
    assert ran.out == ""
