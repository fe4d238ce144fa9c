import json
from dataclasses import replace

import pytest
from pydantic import BaseModel, ConfigDict

from reconciler.core.kind import Kind, Reference, Wire
from reconciler.core.resource import Key, Lifecycle
from reconciler.core.values import Bundle, Secret, Template, Unknown
from reconciler.errors import InvalidManifests
from reconciler.kinds import load_kinds
from tests.support.binding import HEAD, bind_files, manifest

CODE = {"actions/a/index.js": "module.exports = async () => ({});\n"}
DATASET = manifest("Dataset", "people", "{primaryKey: id, columns: {id: string, age: number}}")
MAPPING = manifest(
    "FieldMapping",
    "contacts",
    "{validateAgainst: Dataset/people, mappings: [{cxoneField: id, crmField: Id, direction: INBOUND}]}",
)
CONNECTOR = f"""---
{HEAD}kind: Connector
metadata:
  name: crm
  labels: {{team: crm}}
  movedFrom: Connector/old-crm
  lifecycle: {{protect: true, deletion: retain, ignoreChanges: [description]}}
spec:
  name: Customer CRM
  connectorType: CUSTOM
  endpointUrl: https://CRM.example.com:443/
  version: 1.0.0
  authentication:
    type: OAUTH2
    credentials:
      clientId: "${{var:client}}"
      tokenEndpoint: https://login.${{env:DOMAIN}}/token
      clientSecret: "${{secret:env:CRM_SECRET}}"
      refreshToken: "${{env:REFRESH}}"
      password: "${{file:secrets/password}}"
  mappings:
    - {{cxoneField: phone, crmField: Phone, direction: INBOUND}}
  mappingRefs: [contacts]
"""
ACTION = manifest(
    "DataAction",
    "enrich",
    "{runtime: nodejs20, code: {path: actions/a}, inputs: {properties: {}}, outputs: {properties: {}}, "
    'environment: {DATASET: "${ref:Dataset/people.id}", URL: "https://x/${ref:Dataset/people.id}/y", '
    'KEY: "${secret:env:KEY}", PLAIN: "${env:DOMAIN}"}, tests: [{name: t, inputs: {}, expect: {}}]}',
)
STREAM = manifest("EventStream", "calls", "{actionRef: enrich, eventTypes: [call]}")
PROJECT = CODE | {"manifests/a.yaml": CONNECTOR + MAPPING, "manifests/sub/b.yml": DATASET + ACTION + STREAM}
ENVIRON = {"DOMAIN": "example.com"}


@pytest.fixture
def bound(tmp_path):
    result = bind_files(tmp_path, PROJECT, variables={"client": "cxone"}, environ=ENVIRON)
    assert not result.failed, result.diagnostics
    return result


def by_key(bound):
    return {str(item.key): item for item in bound.desired}


def test_the_wire_form_of_a_connector(bound):
    crm = by_key(bound)["Connector/crm"]
    assert crm.fields == {
        "name": "Customer CRM",
        "connectorType": "CUSTOM",
        "endpointUrl": "https://crm.example.com",
        "version": "1.0.0",
        "authentication": {
            "type": "OAUTH2",
            "credentials": {
                "clientId": "cxone",
                "tokenEndpoint": "https://login.example.com/token",
                "clientSecret": Secret("env:CRM_SECRET"),
                "refreshToken": Secret("env:REFRESH"),
                "password": Secret("file:secrets/password"),
            },
        },
        "mappings": [
            {"cxoneField": "phone", "crmField": "Phone", "direction": "INBOUND"},
            {"cxoneField": "id", "crmField": "Id", "direction": "INBOUND"},
        ],
    }
    assert crm.lifecycle == Lifecycle(protect=True, retain=True, ignore_changes=("description",))
    assert crm.moved_from == Key("Connector", "old-crm")
    assert crm.labels == {"team": "crm"}
    assert crm.file == "manifests/a.yaml"


def test_the_wire_form_of_an_action(bound):
    fields = by_key(bound)["DataAction/enrich"].fields
    people = Unknown("Dataset", "people", "id")
    assert fields["name"] == "enrich"
    assert fields["environment"] == {
        "DATASET": people,
        "URL": Template(("https://x/", people, "/y")),
        "KEY": Secret("env:KEY"),
        "PLAIN": "example.com",
    }
    assert isinstance(fields["code"], Bundle)
    assert fields["code"].path == "actions/a"
    assert "tests" not in fields


def test_references_become_live_fields(bound):
    assert by_key(bound)["EventStream/calls"].fields["actionId"] == Unknown("DataAction", "enrich", "id")
    assert "actionRef" not in by_key(bound)["EventStream/calls"].fields


def test_the_primary_key_is_never_null(bound):
    columns = by_key(bound)["Dataset/people"].fields["columns"]
    assert columns == {"id": {"type": "string", "nullable": False}, "age": {"type": "number", "nullable": True}}


def test_dependencies_are_resources_also_through_fragments(bound):
    people = Key("Dataset", "people")
    assert {str(item.key): item.dependencies for item in bound.desired} == {
        "Connector/crm": (people,),
        "DataAction/enrich": (people,),
        "Dataset/people": (),
        "EventStream/calls": (Key("DataAction", "enrich"),),
    }
    assert bound.edges[Key("Connector", "crm")] == (Key("FieldMapping", "contacts"),)
    assert bound.edges[Key("FieldMapping", "contacts")] == (people,)
    assert [str(fragment.key) for fragment in bound.fragments] == ["FieldMapping/contacts"]


def test_wire_paths_lead_back_to_their_source(bound):
    crm = by_key(bound)["Connector/crm"]

    def line(path):
        mark = crm.locate(path)
        return mark.file, (CONNECTOR + MAPPING).splitlines()[mark.line - 1].strip()

    assert line(("endpointUrl",)) == ("manifests/a.yaml", "endpointUrl: https://CRM.example.com:443/")
    assert line(("mappings", 0, "direction"))[1].startswith("- {cxoneField: phone")
    assert line(("mappings", "phone", "direction"))[1].startswith("- {cxoneField: phone")
    assert line(("mappings", "id"))[1].startswith("spec: {validateAgainst")
    assert line(("mappings", 1, "crmField"))[1].startswith("spec: {validateAgainst")
    assert line(("mappings", "unknown"))[1].startswith("- {cxoneField: phone")
    assert line(("authentication", "credentials", "none"))[1].startswith("clientId")
    assert line(())[1] == HEAD.strip()
    stream = by_key(bound)["EventStream/calls"]
    text = (DATASET + ACTION + STREAM).splitlines()
    assert "actionRef: enrich" in text[stream.locate(("actionId",)).line - 1]
    assert "name: calls" in text[stream.locate(("name",)).line - 1]
    assert "name: Customer CRM" in line(("name",))[1]


def test_secrets_are_resolved_where_their_provider_is_in_reach(tmp_path):
    files = PROJECT | {"secrets/password": "from a file\n"}
    environ = ENVIRON | {"CRM_SECRET": "s3cr3t"}
    bound = bind_files(tmp_path, files, variables={"client": "cxone"}, environ=environ, resolve=True)
    credentials = by_key(bound)["Connector/crm"].fields["authentication"]["credentials"]
    assert credentials["clientSecret"].reveal() == "s3cr3t"
    assert credentials["password"].reveal() == "from a file"
    assert not credentials["refreshToken"].resolved
    assert "s3cr3t" not in repr(bound)


def test_a_secret_that_its_provider_does_not_have_is_reported_in_place(tmp_path):
    files = PROJECT | {"secrets/password": ""}
    bound = bind_files(tmp_path, files, variables={"client": "cxone"}, environ=ENVIRON, resolve=True)
    (finding,) = bound.diagnostics
    assert finding.rule.code == "M509"
    assert finding.path == "spec.authentication.credentials.password"


def test_jobs_are_bound_too(tmp_path):
    job = manifest(
        "ExtensionSync",
        "load",
        "{extensionRef: people, source: {url: 'http://127.0.0.1:1/x'}, fieldMappingRef: m, "
        "webhook: {listen: '127.0.0.1:0', secret: '${env:HOOK}'}}",
    )
    extension = manifest("DataExtension", "people", "{fields: [{name: id, type: string}]}")
    mapping = manifest(
        "FieldMapping", "m", "{validateAgainst: DataExtension/people, mappings: [{source: Id, target: id}]}"
    )
    bound = bind_files(tmp_path, {"manifests/a.yaml": job + extension + mapping})
    (found,) = bound.jobs
    assert found.key == Key("ExtensionSync", "load")
    assert found.dependencies == (Key("DataExtension", "people"),)
    assert found.uses == (Key("DataExtension", "people"), Key("FieldMapping", "m"))
    assert found.spec["webhook"]["secret"] == Secret("env:HOOK")
    assert found.model.extension_ref == "people"


def test_a_manifest_for_other_targets_is_left_out(tmp_path):
    files = {
        "manifests/a.yaml": DATASET
        + manifest("Dataset", "b", "{primaryKey: i, columns: {i: string}}", "targets: [prod]")
    }
    assert [item.key.name for item in bind_files(tmp_path, files).desired] == ["people"]
    assert [item.key.name for item in bind_files(tmp_path, files, target="prod").desired] == ["b", "people"]


def test_nothing_is_desired_where_anything_is_wrong(tmp_path):
    bound = bind_files(tmp_path, {"manifests/a.yaml": DATASET + manifest("Dataset", "b")})
    assert bound.failed
    assert bound.desired == ()
    with pytest.raises(InvalidManifests) as caught:
        bound.require()
    assert caught.value.diagnostics == bound.diagnostics


def test_warnings_alone_do_not_fail(tmp_path):
    mapping = manifest("FieldMapping", "m", "{mappings: [{cxoneField: a, crmField: b, direction: BIDIRECTIONAL}]}")
    bound = bind_files(tmp_path, {"manifests/a.yaml": mapping})
    assert [item.severity for item in bound.diagnostics] == ["warning"]
    assert bound.require().fragments


def test_the_digest_is_about_content_not_about_files(tmp_path):
    one = bind_files(tmp_path / "1", {"manifests/a.yaml": DATASET + MAPPING})
    two = bind_files(tmp_path / "2", {"manifests/x.yaml": "# words\n" + MAPPING, "manifests/y.yaml": DATASET})
    three = bind_files(tmp_path / "3", {"manifests/a.yaml": DATASET.replace("number", "date") + MAPPING})
    assert one.digest == two.digest != three.digest
    assert len(one.digest) == 64


def test_patches_change_manifests_of_one_target(tmp_path):
    project = f"""{HEAD}kind: Project
metadata: {{name: test}}
spec:
  targets:
    prod:
      url: https://api.example.com
      patches: [targets/prod.yaml]
"""
    patch = "kind: Dataset\nmetadata: {name: people, labels: {tier: gold}}\nspec: {description: live, columns: {age: null}}\n"
    files = {"reconciler.yaml": project, "targets/prod.yaml": patch, "manifests/a.yaml": DATASET}
    local = by_key(bind_files(tmp_path, files))["Dataset/people"]
    prod = by_key(bind_files(tmp_path, files, target="prod"))["Dataset/people"]
    assert set(local.fields["columns"]) == {"id", "age"}
    assert local.labels == {}
    assert set(prod.fields["columns"]) == {"id"}
    assert prod.fields["description"] == "live"
    assert prod.labels == {"tier": "gold"}
    assert str(prod.locate(("description",))) == "targets/prod.yaml:3:21"
    assert prod.locate(("primaryKey",)).file == "manifests/a.yaml"
    assert prod.file == "manifests/a.yaml"


def test_json_files_stand_in_for_their_content(tmp_path):
    kinds = load_kinds()
    sink = manifest(
        "StreamSink",
        "sink",
        "{streamRef: calls, eventSchema: schemas/event.json, "
        "table: {name: t, columns: {idempotencyKey: text}, conflictKey: idempotencyKey}}",
    )
    schema = {"type": "object", "properties": {"idempotencyKey": {"type": "string"}}}
    files = PROJECT | {"manifests/c.yaml": sink, "schemas/event.json": json.dumps(schema)}
    bound = bind_files(tmp_path, files, variables={"client": "x"}, environ=ENVIRON, kinds=kinds)
    assert bound.require().jobs[0].spec["eventSchema"] == schema


class SkillSpec(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: str | None = None
    level: int
    team: str | None = None


SKILL = Kind("Skill", "resource", SkillSpec, "made up", wire=Wire("/skills", ("r",), ("w",)))


def test_a_made_up_kind_is_bound_like_any_other(tmp_path):
    team = replace(SKILL, name="Team", referable=frozenset({"id", "code"}))
    skill = replace(SKILL, references=(Reference("team", ("Team",), wire_field="teamCode", target_field="code"),))
    text = manifest("Skill", "a", "{level: 3, team: t}") + manifest("Team", "t", "{level: 1}")
    bound = bind_files(tmp_path, {"manifests/a.yaml": text}, kinds={"Skill": skill, "Team": team})
    assert by_key(bound)["Skill/a"].fields == {"name": "a", "level": 3, "teamCode": Unknown("Team", "t", "code")}
    wrong = manifest("Skill", "a", "{level: 3, team: Skill/b}") + manifest("Skill", "b", "{level: '3'}")
    found = bind_files(tmp_path, {"manifests/a.yaml": wrong}, kinds={"Skill": skill, "Team": team}).diagnostics
    assert [item.rule.code for item in found] == ["M403", "M303"]
