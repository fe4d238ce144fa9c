"""Options from the environment: the command's own variable before the one of all commands, the command line before both."""

import pytest

from tests.support.project import Project, manifest


@pytest.fixture
def project(tmp_path) -> Project:
    made = Project.create(tmp_path)
    made.put("d.yaml", manifest("Dataset", "d", {"primaryKey": "id", "columns": {"id": "string"}}))
    return made


def test_a_variable_for_all_commands_is_read(project: Project) -> None:
    ran = project.run("plan", RECONCILER_TARGET="nowhere").ok(78)
    assert "no target nowhere" in ran.err


def test_the_commands_own_variable_comes_first(project: Project) -> None:
    environ = {"RECONCILER_TARGET": "nowhere", "RECONCILER_PLAN_TARGET": "local"}
    assert project.run("plan", **environ).ok().out.startswith("1 to create")


def test_the_command_line_comes_before_both(project: Project) -> None:
    environ = {"RECONCILER_TARGET": "nowhere", "RECONCILER_PLAN_TARGET": "nowhere"}
    assert project.run("plan", "--target", "local", **environ).ok().out.startswith("1 to create")


def test_flags_take_words(project: Project) -> None:
    assert project.run("validate").ok().err
    assert not project.run("validate", RECONCILER_QUIET="true").ok().err
