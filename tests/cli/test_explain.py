import pytest
from click.testing import CliRunner

from reconciler import errors
from reconciler.cli.advice import ADVICE
from reconciler.cli.explain import all_rules, explain
from reconciler.cli.main import cli
from reconciler.core.guard import GUARDS
from reconciler.kinds import load_kinds
from reconciler.kinds.schema import fields_of, metadata_fields
from reconciler.loading import guard_rules, rules, yaml_rules

KINDS = load_kinds()
FIELDS = [f"{name}.{item.plain_path}" for name, kind in KINDS.items() for item in fields_of(kind)]


def run(*arguments):
    return CliRunner().invoke(cli, ["explain", *arguments])


def test_alone_it_lists_every_kind_and_code():
    result = run()
    assert result.exit_code == 0
    for word in (*KINDS, *all_rules()):
        assert f"  {word}  " in f"{result.stdout}  ", word


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_is_explained_with_all_its_fields(name):
    result = run(name)
    assert result.exit_code == 0
    assert KINDS[name].summary in result.stdout
    for item in fields_of(KINDS[name]):
        star = "*" if item.required else ""
        assert f" {item.plain_path.rpartition('.')[2]}{star}: " in result.stdout


@pytest.mark.parametrize("topic", FIELDS)
def test_every_field_is_explained(topic):
    text = "\n".join(explain(topic))
    name, _, path = topic.partition(".")
    item = next(item for item in fields_of(KINDS[name]) if item.plain_path == path)
    assert item.path in text
    assert item.type.split(",")[0].split(" or ")[0] in text
    assert " ".join(item.description.split()[:4]) in text


@pytest.mark.parametrize("path", [item.plain_path for item in metadata_fields()])
def test_every_field_of_metadata_is_explained(path):
    assert f"Dataset.metadata.{path}" in run(f"Dataset.metadata.{path}").stdout


@pytest.mark.parametrize(
    "topic",
    [
        "Connector.mappings.direction",
        "connector.mappings[].direction",
        "Connector.spec.mappings[0].direction",
        "Connector.mappings.*.direction",
    ],
)
def test_a_path_may_be_written_as_it_stands_in_messages(topic):
    assert "Which way values go" in run(topic).stdout


def test_metadata_as_a_whole():
    assert "movedFrom" in run("Dataset.metadata").stdout


def test_every_code_is_explained():
    classes = [item for item in vars(errors).values() if isinstance(item, type) and issubclass(item, Exception)]
    codes = {item.code for item in classes} - {errors.ReconcilerError.code}
    codes |= {rule.code for rule in (*rules.RULES, *yaml_rules.RULES, *guard_rules.RULES, *GUARDS)}
    assert codes == set(all_rules())
    for code, rule in all_rules().items():
        assert rule.explanation, code
        assert explain(code.lower())[0] == f"{code}: {rule.title}"


def test_every_error_comes_with_advice_and_without_the_words_of_its_class():
    ruled = {rule.code for rule in (*rules.RULES, *yaml_rules.RULES, *guard_rules.RULES, *GUARDS)}
    assert set(ADVICE) == set(all_rules()) - ruled
    for code in ADVICE:
        lines = explain(code)
        assert lines.count("") == 2, "a title, what it is, what to do"
        assert "_" not in " ".join(lines), "no attribute of the class"
    assert "token lacks a scope" in run("A002").stdout
    assert "reconciler apply --resume" in run("L005").stdout


@pytest.mark.parametrize(
    ("topic", "says"),
    [
        ("Conector", "did you mean `Connector`?"),
        ("M4O2", "did you mean"),
        ("Connector.mapings", "did you mean `mappings`?"),
        ("Connector.metadata.lable", "did you mean `labels`?"),
        ("something else entirely", "lists everything"),
    ],
)
def test_an_unknown_topic_is_answered_with_the_nearest(topic, says):
    result = run(topic)
    assert (result.exit_code, result.stdout) == (64, "")
    assert says in result.stderr


def test_lines_keep_to_their_width():
    for topic in ("", "Connector", "Connector.authentication", "M103"):
        assert max(len(line) for line in explain(topic, 80)) <= 120
        assert all(len(line) <= 80 for line in explain(topic, 80) if line.startswith("      "))


@pytest.mark.parametrize(
    "topic", ["Project", "Project.targets.url", "Project.spec.guards.freezes", "GuardRules.rules.cases"]
)
def test_the_project_file_and_the_files_of_guards(topic):
    text = "\n".join(explain(topic))
    assert topic.partition(".")[0] in text
    assert "reconciler new" not in text
