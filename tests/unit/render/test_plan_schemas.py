import json
from pathlib import Path

import jsonschema_rs
import pytest

from reconciler.core.planfile import plan_to_json
from reconciler.core.report import report_to_json
from reconciler.render.document import render_json, render_plan_json, render_report_json
from reconciler.render.schemas import plan_schema, report_schema, schema_files
from tests.support.render_plans import REPORT, worlds

SCHEMAS = Path(__file__).parents[3] / "schemas"


def objects(schema):
    if isinstance(schema, dict):
        if "properties" in schema:
            yield schema
        for item in schema.values():
            yield from objects(item)
    elif isinstance(schema, list):
        for item in schema:
            yield from objects(item)


@pytest.mark.parametrize("name", schema_files())
def test_the_schema_files_are_what_the_code_says(name):
    assert (SCHEMAS / name).read_text("utf-8") == schema_files()[name]


@pytest.mark.parametrize("schema", [plan_schema(), report_schema()], ids=["plan", "report"])
def test_the_schemas_are_schemas_and_closed(schema):
    jsonschema_rs.meta.validate(schema)
    for item in objects(schema):
        assert item["additionalProperties"] is False
        assert set(item["required"]) == set(item["properties"])


@pytest.mark.parametrize("name", worlds())
def test_plans_are_as_their_schema_says(name):
    data = json.loads(render_plan_json(worlds()[name]))
    jsonschema_rs.validator_for(plan_schema()).validate(data)
    assert data == plan_to_json(worlds()[name])


def test_reports_are_as_their_schema_says():
    data = json.loads(render_report_json(REPORT))
    jsonschema_rs.validator_for(report_schema()).validate(data)
    assert data == report_to_json(REPORT)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data.update(more=1),
        lambda data: data.pop("drift"),
        lambda data: data["changes"][0].update(action="replace"),
        lambda data: data["changes"][0]["fields"][0].update(more=1),
        lambda data: data.update(planDigest="no digest"),
    ],
)
def test_what_is_no_plan_is_refused(spoil):
    data = plan_to_json(worlds()["creates"])
    spoil(data)
    assert not jsonschema_rs.validator_for(plan_schema()).is_valid(data)


def test_values_beyond_orjson_are_written_all_the_same():
    assert json.loads(render_json({"big": 2**70, "lone": "\ud800"})) == {"big": 2**70, "lone": "\ud800"}
