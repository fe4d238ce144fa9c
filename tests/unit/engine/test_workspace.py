import pytest

from reconciler.core.resource import Key
from reconciler.engine.workspace import load_workspace
from reconciler.errors import InvalidProject, UsageError
from reconciler.loading.yaml import ParseCache
from tests.support.binding import HEAD, manifest, write

PROJECT = f"{HEAD}kind: Project\nmetadata: {{name: p}}\nspec: {{manifests: [manifests]}}\n"
ONE = manifest("Dataset", "one", "{primaryKey: i, columns: {i: string}}")
TWO = manifest("FieldMapping", "two", "{validateAgainst: Dataset/one, mappings: [{source: a, target: i}]}")


@pytest.fixture
def root(tmp_path):
    write(tmp_path, {"reconciler.yaml": PROJECT, "manifests/a/one.yaml": ONE, "manifests/b/two.yaml": TWO})
    return tmp_path


def test_the_whole_project(root):
    workspace = load_workspace(root)
    assert [str(item.key) for item in workspace.bound.require().desired] == ["Dataset/one"]
    assert workspace.documents == 2
    assert workspace.selected is None
    assert workspace.target.embedded


def test_paths_select_and_do_not_narrow_what_is_read(root, monkeypatch):
    monkeypatch.chdir(root / "manifests")
    workspace = load_workspace(None, paths=["b"])
    assert workspace.selected == {Key("FieldMapping", "two")}
    assert workspace.documents == 1
    assert len(workspace.bound.require().desired) == 1


def test_a_file_outside_the_manifest_folders_can_be_named(root):
    write(root, {"draft.yaml": manifest("Dataset", "draft", "{primaryKey: i, columns: {i: string}}")})
    assert load_workspace(root, paths=[root / "draft.yaml"]).selected == {Key("Dataset", "draft")}
    assert len(load_workspace(root).bound.desired) == 1


def test_paths_that_lead_nowhere_or_outside(root, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    for path in (root / "none.yaml", other):
        with pytest.raises(UsageError):
            load_workspace(root, paths=[path])


def test_a_manifest_folder_that_is_gone_is_an_error_and_no_empty_project(root):
    write(root, {"reconciler.yaml": PROJECT.replace("[manifests]", "[manifests, gone]")})
    with pytest.raises(InvalidProject, match="gone, which does not exist"):
        load_workspace(root)


def test_the_project_file_is_no_manifest_even_where_the_root_is_searched(root):
    write(root, {"reconciler.yaml": PROJECT.replace("[manifests]", "['.']")})
    assert not load_workspace(root).bound.failed


def test_only_valid_manifests_are_cached(root):
    folder = root / ".reconciler" / "cache"
    write(root, {"manifests/c.yaml": ONE.replace("one", "bad").replace("columns", "colums")})
    assert load_workspace(root).bound.failed
    assert len(ParseCache(folder)) == 1, "the project file, which is right"
    (root / "manifests" / "c.yaml").unlink()
    first = load_workspace(root)
    assert len(ParseCache(folder)) == 3
    again = load_workspace(root)
    assert again.bound == first.bound
    assert again.bound.desired[0].locate(("primaryKey",)) == first.bound.desired[0].locate(("primaryKey",))


def test_secrets_are_looked_up_only_on_demand(root):
    text = manifest(
        "DataAction",
        "a",
        "{runtime: nodejs20, code: {path: code}, inputs: {properties: {}}, outputs: {properties: {}}, "
        "environment: {K: '${secret:env:K}'}}",
    )
    write(root, {"manifests/c.yaml": text, "code/index.js": "x"})
    for resolve in (False, True):
        workspace = load_workspace(root, environ={"K": "s3cr3t"}, resolve_secrets=resolve)
        action = next(item for item in workspace.bound.require().desired if item.key.kind == "DataAction")
        assert action.fields["environment"]["K"].resolved is resolve


def test_a_wrong_project_file_is_not_cached(root):
    write(root, {"reconciler.yaml": PROJECT + "x: 1\n"})
    with pytest.raises(InvalidProject):
        load_workspace(root)
    assert not (root / ".reconciler").exists()
