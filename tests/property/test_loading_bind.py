"""Binding under generated input: order never matters, nothing that YAML can say raises, variables come out as they went in."""

import random
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reconciler.core.diagnostic import Mark
from reconciler.kinds import load_kinds
from reconciler.kinds.metadata import METADATA_MODEL
from reconciler.loading.bind import bind
from reconciler.loading.project import Project, Target

KINDS = load_kinds()
ROOT = Path(__file__).parent


class Written:
    """A document that was not read from a file: its value, and a place made of its path."""

    def __init__(self, value, file="a.yaml", index=0):
        self.value = value
        self.file = file
        self.index = index

    def mark(self, path, *, key=False):
        return Mark(self.file, self.index + 1, len(path) + 1)

    def excerpt(self, mark):
        return f"{self.file} {self.value!r}\n^"


def bound(documents, variables=None, environ=None):
    target = Target("local", "emulator:", "file:x", variables=variables or {})
    project = Project(ROOT, "p", "p", targets={"local": target})
    return bind(
        documents,
        project=project,
        target=target,
        kinds=KINDS,
        metadata_model=METADATA_MODEL,
        environ=environ or {},
    )


def manifest(kind, name, spec, **metadata):
    return {"apiVersion": "cxone.reconciler/v1", "kind": kind, "metadata": {"name": name, **metadata}, "spec": spec}


WORDS = st.sampled_from(
    [
        "id",
        "name",
        "a",
        "${var:x}",
        "${env:X}",
        "${secret:env:X}",
        "${ref:Dataset/a.id}",
        "${",
        "$${",
        "${file:x}",
        "",
        "Dataset/a",
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6) | WORDS
FIELDS = sorted(
    {(field.alias or name) for kind in KINDS.values() for name, field in kind.spec.model_fields.items()}
    | {
        "type",
        "credentials",
        "path",
        "exclude",
        "properties",
        "secret",
        "url",
        "cxoneField",
        "crmField",
        "direction",
        "${x}",
    }
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)
SPECS = st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=6)
METADATA = st.fixed_dictionaries(
    {"name": st.sampled_from(["a", "b"]) | SCALARS},
    optional={
        "labels": VALUES,
        "targets": VALUES,
        "movedFrom": st.sampled_from(["Dataset/a", "Dataset/b", "x"]) | VALUES,
        "lifecycle": VALUES
        | st.fixed_dictionaries(
            {}, optional={"ignoreChanges": st.lists(WORDS | st.text(max_size=4)), "protect": VALUES}
        ),
        "other": VALUES,
    },
)
MANIFESTS = st.fixed_dictionaries(
    {
        "apiVersion": st.just("cxone.reconciler/v1") | SCALARS,
        "kind": st.sampled_from(sorted(KINDS)) | VALUES,
        "metadata": METADATA | VALUES,
        "spec": SPECS | VALUES,
    },
    optional={"extra": VALUES},
)


@given(st.lists(MANIFESTS | VALUES, max_size=5))
def test_whatever_yaml_can_say_gives_findings_and_no_traceback(values):
    result = bound([Written(value, index=index) for index, value in enumerate(values)], environ={"X": "x"})
    for item in result.diagnostics:
        assert item.message
        assert item.rule.code.startswith("M")
    if result.failed:
        assert not result.desired


@pytest.mark.parametrize("name", sorted(KINDS))
@given(spec=SPECS)
def test_any_spec_of_every_kind_gives_findings_and_no_traceback(name, spec):
    bound([Written(manifest(name, "a", spec))], variables={"x": 5}, environ={"X": "x"})


def some_project(shape):
    """Manifests that refer to each other: datasets, mappings against them, connectors of these, actions and streams."""
    made = []
    for number, (kind, other) in enumerate(shape):
        name, target = f"m{number % 7}", f"m{other % (number or 1)}"
        if kind == 0 or number == 0:
            made.append(manifest("Dataset", name, {"primaryKey": "id", "columns": {"id": "string"}}))
        elif kind == 1:
            mapping = {"cxoneField": "id", "crmField": "Id", "direction": "INBOUND"}
            made.append(manifest("FieldMapping", name, {"mappings": [mapping], "validateAgainst": f"Dataset/{target}"}))
        elif kind == 2:
            spec = {
                "connectorType": "CUSTOM",
                "endpointUrl": "https://x",
                "version": "1.0.0",
                "authentication": {"type": "BASIC", "credentials": {"username": "u", "password": "${secret:env:P}"}},
                "mappingRefs": [target],
            }
            made.append(manifest("Connector", name, spec))
        else:
            made.append(manifest("EventStream", name, {"actionRef": target, "name": f"live {other}"}))
    return made


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 20)), max_size=12), st.randoms(use_true_random=False))
def test_the_order_of_documents_never_matters(shape, chance: random.Random):
    documents = [Written(value, f"{index % 3}.yaml", index) for index, value in enumerate(some_project(shape))]
    first = bound(documents)
    shuffled = documents.copy()
    chance.shuffle(shuffled)
    second = bound(shuffled)
    assert second == first
    assert list(second.edges) == list(first.edges)
    assert [item.key for item in first.desired] == sorted(item.key for item in first.desired)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 20)), max_size=12))
def test_dependencies_are_resources_that_exist(shape):
    result = bound([Written(value, index=index) for index, value in enumerate(some_project(shape))])
    keys = {item.key for item in result.desired}
    for item in result.desired:
        assert set(item.dependencies) <= keys - {item.key}


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=50))
def test_a_variable_comes_out_as_it_went_in(text):
    spec = {"primaryKey": "id", "columns": {"id": "string"}, "description": "${var:v}"}
    inside = {**spec, "description": "<${var:v}|${var:v}>"}
    escaped = {**spec, "description": text.replace("${", "$${")}
    documents = [manifest("Dataset", "a", spec), manifest("Dataset", "b", inside), manifest("Dataset", "c", escaped)]
    result = bound(
        [Written(value, index=index) for index, value in enumerate(documents)], variables={"v": text}
    ).require()
    assert [item.fields["description"] for item in result.desired] == [text, f"<{text}|{text}>", text]


@given(st.from_regex(r"[ -~]{8,30}", fullmatch=True), st.sampled_from(["password", "clientSecret", "anything", "üñ"]))
def test_a_secret_that_is_written_out_is_refused_and_never_said(secret, key):
    assume("${" not in secret)
    assume(not any(secret in word for word in ("authentication", "credentials", "Connector", "connectorType")))
    spec = {
        "connectorType": "CUSTOM",
        "endpointUrl": "https://x",
        "version": "1.0.0",
        "authentication": {"type": "BASIC", "credentials": {"username": "u", key: f"canary{secret}"}},
    }
    result = bound([Written(manifest("Connector", "a", spec))])
    assert "M505" in {item.rule.code for item in result.diagnostics}
    for item in result.diagnostics:
        assert f"canary{secret}" not in f"{item.message}{item.fix}{item.path}"
