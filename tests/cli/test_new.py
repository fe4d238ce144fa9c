import pytest
from click.testing import CliRunner

from reconciler.cli.main import cli
from reconciler.kinds import load_kinds
from reconciler.loading.yaml import parse_text


def run(*arguments):
    return CliRunner().invoke(cli, ["new", *arguments])


@pytest.mark.parametrize("kind", load_kinds())
def test_a_starter_goes_to_stdout_and_nothing_else_does(kind):
    result = run(kind, "my-own")
    assert (result.exit_code, result.stderr) == (0, "")
    (document,), diagnostics = parse_text(result.stdout, "new.yaml")
    assert not diagnostics
    assert (document.value["kind"], document.value["metadata"]) == (kind, {"name": "my-own"})


def test_the_case_of_a_kind_does_not_matter():
    assert run("dataSET", "x").stdout == run("Dataset", "x").stdout


def test_a_new_file_is_written_with_its_folders(tmp_path):
    target = tmp_path / "tables" / "claims.yaml"
    result = run("Dataset", "claims", "--out", str(target))
    assert (result.exit_code, result.stdout) == (0, "")
    assert target.read_text(encoding="utf-8") == run("Dataset", "claims").stdout


def test_a_file_that_exists_is_left_alone(tmp_path):
    target = tmp_path / "claims.yaml"
    target.write_text("mine\n", encoding="utf-8")
    result = run("Dataset", "claims", "--out", str(target))
    assert result.exit_code == 64
    assert "exists already" in result.stderr
    assert target.read_text(encoding="utf-8") == "mine\n"


def test_a_folder_that_cannot_be_made_is_an_error_and_no_traceback(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    result = run("Dataset", "claims", "--out", str(tmp_path / "file" / "claims.yaml"))
    assert result.exit_code == 1
    assert "error[X001]" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("Conector", "x"), "did you mean `Connector`?"),
        (("Nonsense-of-a-kind", "x"), "kinds: Connector, ConnectorSync"),
        (("Dataset", "My_Claims"), "lower-case letters"),
        (("Dataset", "x" * 64), "at most 63"),
    ],
)
def test_wrong_words_are_answered_with_the_right_ones(arguments, says):
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (64, "")
    assert says in result.stderr
