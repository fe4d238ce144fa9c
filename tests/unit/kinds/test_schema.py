"""What is derived from the kinds: JSON Schemas, lists of fields, starters, pages."""

import json
import re
from pathlib import Path

import jsonschema_rs
import pytest

from reconciler.cli.schema import generated_files, schema_files
from reconciler.core.values import ABSENT
from reconciler.kinds import load_kinds
from reconciler.kinds.metadata import METADATA_MODEL
from reconciler.kinds.schema import fields_of, manifest_schema, metadata_fields, page, starter
from reconciler.kinds.schema.starter import scalar, yaml_lines

ROOT = Path(__file__).resolve().parents[3]
KINDS = load_kinds()

every_kind = pytest.mark.parametrize("name", KINDS)


def validator_of_all():
    """The validator of ``all.json``, which finds the schemas of the kinds beside it as an editor does."""
    schemas = {name: json.loads(text) for name, text in schema_files(KINDS).items()}
    registry = jsonschema_rs.Registry([(f"json-schema:///{name}", schema) for name, schema in schemas.items()])
    return jsonschema_rs.validator_for(schemas["all.json"], registry=registry)


def uncommented(text):
    """A starter with every optional field declared."""
    return re.sub(r"^( *)#(?=[^ ]|  )", r"\1", text, flags=re.MULTILINE)


def test_the_generated_files_are_up_to_date():
    stale = [
        path
        for path, text in generated_files().items()
        if not (ROOT / path).exists() or (ROOT / path).read_text(encoding="utf-8") != text
    ]
    assert not stale, "run `make generated`"


def test_nothing_generated_is_left_of_kinds_that_are_gone():
    known = set(generated_files())
    pages = {f"docs/manifests/{path.name}" for path in (ROOT / "docs" / "manifests").glob("*.md")}
    schemas = {f"schemas/{path.name}" for path in (ROOT / "schemas").glob("[A-Z]*.json")}
    assert pages | schemas <= known


@pytest.mark.parametrize("name", sorted(schema_files(KINDS)))
def test_schemas_are_valid_2020_12(name):
    schema = json.loads(schema_files(KINDS)[name])
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == name
    jsonschema_rs.meta.validate(schema)


@every_kind
def test_a_starter_is_valid_with_and_without_its_optional_fields(name, read_yaml):
    kind = KINDS[name]
    validator = validator_of_all()
    printed = starter(kind, "my-own")
    for text in (printed, uncommented(printed)):
        (manifest,) = read_yaml(text)
        assert (manifest["kind"], manifest["metadata"]["name"]) == (name, "my-own")
        METADATA_MODEL.model_validate(manifest["metadata"])
        spec = kind.spec.model_validate(manifest["spec"])
        assert [item for item in kind.check(spec, lambda _key: None) if item.severity == "error"] == []
        assert [error.message for error in validator.iter_errors(manifest)] == []


@every_kind
def test_a_starter_names_every_field(name):
    text = starter(KINDS[name], "x")
    missing = [
        item.path
        for item in (*fields_of(KINDS[name]), *metadata_fields())
        if not re.search(rf"(^|[ #-]){re.escape(item.plain_path.rpartition('.')[2])}:", text, flags=re.MULTILINE)
    ]
    assert not missing


@every_kind
def test_every_field_is_described(name):
    items = fields_of(KINDS[name])
    assert len(items) >= 4
    for item in (*items, *metadata_fields()):
        assert item.description.endswith((".", "}")), item.path
        assert item.type != "any value", item.path
        assert len(item.description) > 10


@every_kind
def test_a_page_shows_every_field(name):
    text = page(KINDS[name])
    for item in fields_of(KINDS[name]):
        assert f"| `{item.path}` |" in text


def test_defaults_of_the_server_are_shown():
    defaults = {item.path: item.default for item in fields_of(KINDS["Connector"])}
    assert defaults["syncSettings.batchSize"] == 500
    assert defaults["lifecycleStatus"] == "DRAFT"
    assert defaults["endpointUrl"] is ABSENT


def test_forms_of_a_union_are_told_apart():
    forms = {(item.path, item.form) for item in fields_of(KINDS["FieldMapping"]) if "transformation" in item.path}
    assert forms == {
        ("mappings[].transformation", "with cxoneField and crmField and direction"),
        ("mappings[].transformation", "with target"),
    }


def connector(**changes):
    spec = {
        "connectorType": "CUSTOM",
        "endpointUrl": "https://crm.example.com",
        "version": "1.0.0",
        "authentication": {"type": "API_KEY", "credentials": {"headerName": "X-Key", "apiKey": "${secret:env:KEY}"}},
    }
    return {
        "apiVersion": "cxone.reconciler/v1",
        "kind": "Connector",
        "metadata": {"name": "crm"},
        "spec": {**spec, **changes},
    }


@pytest.mark.parametrize(
    ("change", "valid"),
    [
        ({}, True),
        ({"syncSettings": {"batchSize": "${var:batch}"}}, True),
        ({"lifecycleStatus": "${var:status}"}, True),
        ({"endpointUrl": "${env:CRM_URL}"}, True),
        ({"syncSettings": {"batchSize": "many"}}, False),
        ({"lifecycleStatus": "${nonsense}"}, False),
        ({"authentication": {"type": "API_KEY", "credentials": {"apiKey": "in-the-clear"}}}, False),
        ({"authentication": {"type": "BASIC", "credentials": {"username": "plain", "password": "${env:PW}"}}}, True),
        ({"surprise": 1}, False),
    ],
)
def test_expressions_and_secrets_in_the_schema(change, valid):
    assert validator_of_all().is_valid(connector(**change)) is valid


def test_the_union_knows_the_kinds_and_nothing_else():
    validator = validator_of_all()
    assert validator.is_valid(connector())
    assert not validator.is_valid({**connector(), "kind": "Dataset"})
    assert not validator.is_valid({**connector(), "kind": "Unheard"})
    assert not validator.is_valid({**connector(), "extra": 1})


def test_a_sink_schema_may_be_a_file_and_a_webhook_secret_may_not_be_a_literal():
    sink = manifest_schema(KINDS["StreamSink"])["properties"]["spec"]["properties"]["eventSchema"]
    assert {"string", "object"} == {option["type"] for option in sink["anyOf"]}
    webhook = manifest_schema(KINDS["ExtensionSync"])["$defs"]["Webhook"]["properties"]["secret"]
    assert webhook["$ref"] == "#/$defs/Secret"


@pytest.mark.parametrize(
    "value",
    [
        {"a": [1, 2.5, True, None, "x"], "b": {"c": "yes", "d": "a: b", "e": "#", "f": "1.0", "g": "", "h": "- x"}},
        [{"a": 1, "b": [{"c": "${secret:env:X}"}]}, "~", "null", "0x1F", "2026-01-01", " x ", "é\n\t\u0007"],
        {"empty": {}, "list": [], "nested": [["a", ["b"]]], "key with: colon": "<<", "=": "!tag", "*a": "&b"},
    ],
)
def test_examples_come_back_as_they_were(value, read_yaml):
    assert read_yaml("\n".join(yaml_lines(value)) + "\n") == [value]


def test_whole_numbers_are_written_as_such():
    assert scalar(2.0) == "2"
    assert scalar("2.0") == '"2.0"'
