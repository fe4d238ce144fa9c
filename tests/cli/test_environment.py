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


@pytest.mark.parametrize("command", ["validate", "plan", "drift", "doctor", "audit"])
def test_the_format_is_one_for_all_commands(project: Project, command: str) -> None:
    project.run("apply", "--yes").ok()
    assert project.run(command, RECONCILER_FORMAT="json").out[0] in "[{"


def test_subcommands_read_them_too(project: Project) -> None:
    project.run("apply", "--yes").ok()
    assert project.run("ledger", "list", RECONCILER_FORMAT="json").ok().out.startswith("[")
    assert project.run("ledger", "list", RECONCILER_LEDGER_LIST_FORMAT="json").ok().out.startswith("[")


def test_a_format_of_other_commands_is_ignored_and_v_says_so(project: Project) -> None:
    plain = project.run("plan").ok()
    ran = project.run("plan", RECONCILER_FORMAT="junit").ok()
    assert ran.out.startswith(plain.out.splitlines()[0])
    assert "RECONCILER_FORMAT" not in ran.err
    said = project.run("plan", "-v", RECONCILER_FORMAT="junit").ok().err
    assert "RECONCILER_FORMAT=junit is ignored: this command has text, json, markdown" in said


@pytest.mark.parametrize("name", ["RECONCILER_FORMAT", "RECONCILER_PLAN_FORMAT"])
def test_a_format_that_no_command_has_is_wrong_usage(project: Project, name: str) -> None:
    assert "'jsno' is not one of" in project.run("plan", **{name: "jsno"}).ok(64).err


def test_a_commands_own_variable_and_the_command_line_must_name_its_own_formats(project: Project) -> None:
    assert "'junit' is not one of" in project.run("plan", RECONCILER_PLAN_FORMAT="junit").ok(64).err
    assert "'junit' is not one of" in project.run("plan", "--format", "junit").ok(64).err


def test_options_of_some_commands_are_read_by_each_that_has_them(project: Project) -> None:
    assert "match no manifest" in project.run("plan", RECONCILER_ONLY="Connector/*").ok(64).err
    assert project.run("plan", RECONCILER_DETAILED_EXITCODE="1").code == 2
    assert project.run("apply", RECONCILER_YES="1").ok().out


def test_planning_options_of_the_environment_leave_a_saved_plan_alone(project: Project) -> None:
    project.run("plan", "--out", "plan.json").ok()
    assert "no say in a plan" in project.run("apply", "plan.json", "--prune").ok(64).err
    project.run("apply", "plan.json", RECONCILER_PRUNE="1").ok()


@pytest.mark.parametrize(
    "arguments",
    [
        ("apply", "--yes", "--expect", ""),
        ("apply", "--yes", "--since="),
        ("apply", "--yes", "--target", ""),
        ("apply", "--yes", "--only", "Dataset/d", "--only", ""),
        ("plan", "-t", ""),
        ("drift", "--webhook", ""),
    ],
)
def test_a_variable_of_the_shell_that_is_not_set_is_no_value(project: Project, arguments: tuple[str, ...]) -> None:
    """``--expect "$DIGEST"`` must not mean: whatever the changes are."""
    ran = project.run(*arguments).ok(64)
    assert ran.out == ""
    assert " is empty" in ran.err
    assert not project.state.exists()


def test_an_empty_variable_of_the_environment_is_none(project: Project) -> None:
    assert project.run("plan", RECONCILER_SINCE="", RECONCILER_TARGET="").ok().out.startswith("1 to create")
