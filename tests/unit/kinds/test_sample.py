"""The sample project in ``manifests/``: valid for every target, every kind in it, and its code does what its tests say."""

import json
import shutil
import subprocess

import pytest

from reconciler.kinds import load_kinds
from reconciler.kinds.metadata import METADATA_MODEL
from reconciler.kinds.schema import manifest_schema
from reconciler.loading.bind import bind
from reconciler.loading.project_file import load_project
from reconciler.loading.secrets import SecretResolver
from reconciler.loading.yaml import discover, load_files

RUN = """
const action = require(process.argv[1]);
const quiet = {logger: {info() {}, error() {}}};
action(quiet, JSON.parse(process.argv[2])).then((out) => console.log(JSON.stringify(out)));
"""


@pytest.fixture
def project(repository):
    return load_project(repository / "manifests")


@pytest.fixture
def documents(project):
    found, diagnostics = load_files(list(discover(project.root, project.manifests)), project.root)
    assert not diagnostics
    return found


@pytest.mark.parametrize("target", ["local", "prod"])
def test_it_is_valid_without_any_setting(project, documents, target):
    bound = bind(
        documents,
        project=project,
        target=project.target(target),
        kinds=load_kinds(),
        metadata_model=METADATA_MODEL,
        environ={},
        resolver=SecretResolver(project.root, {}) if target == "local" else None,
    )
    assert bound.diagnostics == ()
    assert {item.key.kind for item in (*bound.desired, *bound.fragments, *bound.jobs)} == set(load_kinds())


def test_its_manifests_satisfy_the_json_schemas(documents):
    import jsonschema_rs

    validators = {name: jsonschema_rs.validator_for(manifest_schema(kind)) for name, kind in load_kinds().items()}
    for document in documents:
        problems = [error.message for error in validators[document.value["kind"]].iter_errors(document.value)]
        assert not problems, (document.file, problems)


NODE = shutil.which("node") or ""


@pytest.mark.skipif(not NODE, reason="needs Node.js")
def test_its_action_does_what_its_tests_say(project, documents):
    (action,) = [item.value["spec"] for item in documents if item.value["kind"] == "DataAction"]
    code = project.root / action["code"]["path"] / "index.js"
    assert len(action["tests"]) >= 4
    for test in action["tests"]:
        done = subprocess.run(
            [NODE, "-e", RUN, str(code), json.dumps(test["inputs"])],
            env={"DEFAULT_COUNTRY_CODE": "47"},
            capture_output=True,
            text=True,
            check=True,
        )
        outputs = json.loads(done.stdout)
        assert {name: outputs[name] for name in test["expect"]} == test["expect"], test["name"]
        assert set(outputs) <= set(action["outputs"]["properties"])


def test_its_demo_secrets_are_marked_as_such(project):
    secrets = json.loads((project.root / "demo-secrets" / "crm.json").read_text(encoding="utf-8"))
    assert "Made-up values" in secrets.pop("note")
    assert all(value.startswith("demo-only-") for value in secrets.values())
