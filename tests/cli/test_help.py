"""Every command explains itself, with examples, and is found by its name."""

from __future__ import annotations

import pytest

from reconciler.cli.main import COMMANDS
from tests.support.project import run


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_shows_examples(name: str) -> None:
    ran = run(name, "--help").ok()
    assert ran.out.startswith(f"Usage: reconciler {name}")
    assert "Example" in ran.out
    assert f"reconciler {name}" in ran.out.partition("Example")[2]
    assert ran.err == ""


def test_the_list() -> None:
    ran = run("--help").ok()
    assert all(f"  {name} " in ran.out for name in COMMANDS)


def test_a_word_that_is_no_command() -> None:
    ran = run("aply").ok(64)
    assert "'apply'" in ran.err
    assert ran.out == ""
