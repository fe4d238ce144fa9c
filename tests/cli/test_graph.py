import pytest
from click.testing import CliRunner

from reconciler.cli.main import cli
from reconciler.core.resource import Key
from reconciler.render.dependency_graph import dot, mermaid
from tests.support.binding import HEAD, manifest, write

DATASET = manifest("Dataset", "people", "{primaryKey: i, columns: {i: string}}")
MAPPING = manifest("FieldMapping", "m", "{validateAgainst: Dataset/people, mappings: [{source: a, target: i}]}")
JOB = manifest("Ingestion", "load", "{datasetRef: people, fieldMappingRef: m, source: {path: data.csv, format: csv}}")


@pytest.fixture
def root(tmp_path):
    project = f"{HEAD}kind: Project\nmetadata: {{name: p}}\n"
    write(tmp_path, {"reconciler.yaml": project, "manifests/a.yaml": DATASET + MAPPING, "manifests/b.yaml": JOB})
    return tmp_path


def run(root, *words):
    result = CliRunner().invoke(cli, ["graph", "-C", str(root), *words])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_mermaid(root):
    assert run(root).splitlines() == [
        "flowchart LR",
        '  n0["Dataset/people"]',
        '  n1("FieldMapping/m")',
        '  n2[["Ingestion/load"]]',
        "  n1 --> n0",
        "  n2 --> n0",
        "  n2 --> n1",
    ]


def test_dot(root):
    text = run(root, "--format", "dot")
    assert text.startswith("digraph manifests {\n")
    assert '  n2 [label="Ingestion/load", shape=component];' in text
    assert "  n2 -> n1;" in text


def test_paths_show_their_manifests_and_what_these_refer_to(root):
    assert 'n0["Dataset/people"]' in run(root, str(root / "manifests" / "b.yaml"))
    assert "Ingestion" not in run(root, str(root / "manifests" / "a.yaml"))


def test_invalid_manifests_have_no_graph(root):
    write(root, {"manifests/c.yaml": manifest("Dataset", "x")})
    result = CliRunner().invoke(cli, ["graph", "-C", str(root)])
    assert result.exit_code == 78
    assert "flowchart" not in result.output


def test_labels_cannot_break_out():
    nodes = {Key("K", 'a"]; x --> y; ["'): "resource", Key("K", "b\n\\"): "job"}
    lines = mermaid(nodes, {}).splitlines()
    assert len(lines) == 3
    assert all(line.count('"') == 2 for line in lines[1:])
    assert "-->" not in mermaid(nodes, {})
    lines = dot(nodes, {}).splitlines()
    assert len(lines) == 6
    assert r'label="K/a\"]; x --> y; [\""' in lines[3]
    assert r'label="K/b \\"' in lines[4]
