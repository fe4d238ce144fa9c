import json

import pytest
from click.testing import CliRunner

from reconciler.cli.main import cli, main
from reconciler.cli.streams import harmless
from reconciler.core.plandigest import plan_digest
from reconciler.engine.planfiles import write_plan, write_text
from reconciler.render.document import render_plan_json, render_report_json
from reconciler.render.plan_markdown import render_plan_markdown
from reconciler.render.plan_text import render_plan_text
from reconciler.render.report_markdown import render_report_markdown
from reconciler.render.report_text import render_report_text
from tests.support.project import run
from tests.support.render_plans import REPORT, worlds


def show(*arguments):
    return CliRunner().invoke(cli, ["show", *map(str, arguments)])


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "plan.json"
    write_plan(path, worlds()["conflict"])
    return path


@pytest.fixture
def report(tmp_path):
    path = tmp_path / "report.json"
    write_text(path, render_report_json(REPORT))
    return path


@pytest.mark.parametrize("name", worlds())
def test_a_saved_plan_is_shown_as_it_was_printed(name, tmp_path):
    plan = worlds()[name]
    path = tmp_path / "plan.json"
    write_plan(path, plan)
    for arguments, text in (
        ((), render_plan_text(plan)),
        (("--full",), render_plan_text(plan, full=True)),
        (("--format", "json"), render_plan_json(plan)),
        (("--format", "markdown"), render_plan_markdown(plan)),
    ):
        result = show(path, *arguments)
        assert (result.exit_code, result.stderr) == (0, "")
        assert result.stdout == harmless(text), "as plan printed it"


def test_json_is_the_file_byte_for_byte(saved):
    assert show(saved, "--format", "json").stdout_bytes == saved.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((), render_report_text(REPORT)),
        (("--full",), render_report_text(REPORT, full=True)),
        (("--format", "json"), render_report_json(REPORT)),
        (("--format", "markdown"), render_report_markdown(REPORT)),
    ],
)
def test_a_saved_report_is_shown_too(report, arguments, text):
    result = show(report, *arguments)
    assert (result.exit_code, result.stdout, result.stderr) == (0, text, "")


def test_a_changed_plan_is_refused(saved):
    saved.write_text(saved.read_text("utf-8").replace("git.example", "evil.example"), "utf-8")
    result = show(saved)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "error[F001]" in result.stderr
    assert "digest" in result.stderr
    assert "plan --out" in result.stderr


def test_a_newer_format_is_refused_with_the_way_out(saved):
    data = json.loads(saved.read_text("utf-8"))
    data["format_version"] = "2.0"
    data["planDigest"] = plan_digest(data)
    saved.write_text(json.dumps(data), "utf-8")
    result = show(saved)
    assert result.exit_code == 1
    assert "format_version '2.0'" in result.stderr
    assert "use the version of reconciler that wrote it" in result.stderr


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", "{}", "[" * 100_000, '{"format_version": NaN}', "\x00", '{"results": 1}']
)
def test_what_is_no_plan_is_an_error_and_no_traceback(tmp_path, content):
    path = tmp_path / "plan.json"
    path.write_text(content, "utf-8")
    result = show(path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("error[F001]")
    assert "help: " in result.stderr


@pytest.mark.parametrize("command", ["show", "apply"])
def test_a_file_that_is_not_there_is_a_usage_error(command, tmp_path):
    ran = run(command, "none.json", cwd=tmp_path).ok(64)
    assert "'none.json' does not exist." in ran.err
    assert ran.out == ""


def test_a_folder_is_a_usage_error(tmp_path):
    assert "is a directory" in run("show", str(tmp_path)).ok(64).err


@pytest.mark.parametrize("arguments", [(), ("plan.json", "--format", "yaml"), ("a", "b")])
def test_wrong_words_are_usage_errors(arguments, monkeypatch):
    monkeypatch.setattr("sys.argv", ["reconciler", "show", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 64


def test_nesting_without_end_is_an_error_and_no_traceback(saved):
    data = json.loads(saved.read_text("utf-8"))
    for depth in (200, 500, 900, 990, 3000):
        deep = (
            json.dumps({**data, "warnings": [], "planDigest": ""})[:-1] + ', "more": ' + "[" * depth + "]" * depth + "}"
        )
        saved.write_text(deep, "utf-8")
        assert show(saved).stderr.startswith("error[F001]")
