"""Executing data actions with this machine's Node.js (contract: Resources, DataAction): inputs, outputs, failures, repeats."""

from __future__ import annotations

import shutil
from typing import Any

import httpx2 as httpx
import pytest

from tests.contract.emulator.bodies import ACTIONS, match, path_of
from tests.contract.emulator.executions import Deploy, bundle, logs_of
from tests.support.emulator import RunningEmulator

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed: actions can't run here")


def test_the_answer_is_the_output_itself(deploy: Deploy) -> None:
    source = (
        "const {double} = require('./lib/double.js');\n"
        "module.exports = async (context, inputs) => {\n"
        "  context.logger.info('asked', inputs);\n"
        "  context.logger.error('only a message');\n"
        "  return {twice: double(inputs.n), nothing: null, text: 'åß漢'};\n"
        "};"
    )
    files = {"lib__double_js": "exports.double = (n) => 2 * n;"}
    declared = {"properties": {"twice": {"type": "number"}, "nothing": {"type": "string"}}}
    deployed = deploy(source, files, outputs=declared)
    answer = deployed.execute({"n": 21})
    assert (answer.status_code, answer.json()) == (200, {"twice": 42, "nothing": None, "text": "åß漢"})
    assert logs_of(answer) == [
        {"level": "info", "message": "asked", "data": {"n": 21}},
        {"level": "error", "message": "only a message"},
    ]
    assert answer.headers["x-execution-milliseconds"].isdigit()
    (kept,) = deployed.executions()
    assert (kept["status"], kept["requestId"]) == (200, answer.headers["x-request-id"])
    assert kept["logs"] == logs_of(answer)


def test_the_scope_is_that_of_executing(emulator: RunningEmulator, deploy: Deploy) -> None:
    path = f"{ACTIONS}/{deploy('module.exports = async () => ({});').resource['id']}/execute"
    with emulator.client("data:actions:write data:actions:read") as writer:
        refused = writer.post(path, json={"inputs": {}})
        assert (refused.status_code, refused.json()["details"][0]["message"]) == (403, "data:actions:execute")
    with emulator.client("data:actions:execute") as executor:
        assert executor.post(path, json={"inputs": {}}).status_code == 200
        assert executor.post(f"{ACTIONS}/a999/execute", json={"inputs": {}}).status_code == 404


@pytest.mark.parametrize("body", [{}, {"inputs": None}, {"inputs": {}, "more": 1}, {"inputs": [1]}, {"inputs": "x"}])
def test_a_body_that_is_none(api: httpx.Client, deploy: Deploy, body: Any) -> None:
    path = f"{ACTIONS}/{deploy('module.exports = async () => ({});').resource['id']}/execute"
    assert api.post(path, json=body).status_code == 400


def test_inputs_are_held_against_their_schema_before_anything_runs(deploy: Deploy) -> None:
    properties = {"n": {"type": "integer"}, "when": {"type": "string", "format": "date-time"}}
    deployed = deploy("module.exports = async () => ({});", inputs={"properties": properties, "required": ["n"]})
    refused = deployed.execute({"n": "1", "when": "yesterday"})
    assert refused.status_code == 400
    assert {d["field"] for d in refused.json()["details"]} == {"inputs.n", "inputs.when"}
    assert deployed.execute({}).status_code == 400
    assert deployed.executions() == []
    assert deployed.execute({"n": 1, "when": "2026-01-02T03:04:05Z"}).status_code == 200


OUTPUTS = {
    "properties": {
        "tier": {"type": "string"},
        "found": {"type": "boolean"},
        "at": {"type": "string", "format": "date"},
    },
    "required": ["found"],
}


@pytest.mark.parametrize(
    ("output", "status"),
    [
        ("{found: true}", 200),
        ("{found: true, tier: null, at: null}", 200),
        ("{found: false, more: [1]}", 200),
        ("{tier: 'gold'}", 422),
        ("{found: null}", 422),
        ("{found: 'yes'}", 422),
        ("{found: true, at: 'soon'}", 422),
        ("[true]", 422),
        ("'text'", 422),
        ("null", 422),
        ("undefined", 422),
        ("{found: 1n}", 422),
    ],
)
def test_outputs_are_held_against_their_schema(deploy: Deploy, output: str, status: int) -> None:
    answer = deploy(f"module.exports = async () => ({output});", outputs=OUTPUTS).execute()
    assert answer.status_code == status, answer.text
    assert status == 200 or answer.json()["code"] in ("OUTPUT_INVALID", "ACTION_FAILED")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("module.exports = async () => { throw new TypeError('no such tier'); };", "TypeError: no such tier"),
        ("module.exports = async () => { throw 'bare'; };", "bare"),
        ("module.exports = () => { setTimeout(() => { throw new Error('later'); }, 1); return new Promise(() => {}); };", "later"),
        ("module.exports = () => { Promise.reject(new Error('unhandled')); return new Promise(() => {}); };", "unhandled"),
        ("module.exports = () => new Promise(() => {});", "never answered"),
        ("module.exports = {handler: 1};", "must export a function"),
        ("module.exports = async () => {", "Unexpected"),
        ("require('left-pad'); module.exports = async () => ({});", "left-pad"),
        ("module.exports = async () => process.exit(3);", "ended with 3"),
        ("module.exports = async () => process.kill(process.pid, 'SIGKILL');", "killed by SIGKILL"),
    ],
)  # fmt: skip
def test_an_action_that_fails(deploy: Deploy, source: str, said: str) -> None:
    answer = deploy(source).execute()
    assert (answer.status_code, answer.json()["code"]) == (422, "ACTION_FAILED")
    assert said in answer.json()["message"]
    assert "x-execution-logs" in answer.headers


def test_a_function_without_async_and_a_default_export_do_too(deploy: Deploy) -> None:
    assert deploy("module.exports = () => ({a: 1});", name="plain").execute().json() == {"a": 1}
    assert deploy("exports.default = async () => ({b: 2});", name="default").execute().json() == {"b": 2}


def test_what_still_ticks_does_not_keep_an_answer_back(deploy: Deploy) -> None:
    assert (
        deploy("module.exports = async () => { setInterval(() => {}, 1e6); return {}; };").execute().status_code == 200
    )


@pytest.mark.parametrize(
    "source",
    [
        "module.exports = async () => ({text: 'x'.repeat(2 << 20)});",
        "module.exports = async () => { for (;;) require('fs').writeSync(+process.argv[3], Buffer.alloc(1 << 20)); };",
    ],
)
def test_an_output_has_a_limit(deploy: Deploy, source: str) -> None:
    answer = deploy(source).execute()
    assert (answer.status_code, answer.json()["code"]) == (422, "OUTPUT_TOO_LARGE")


def test_an_idempotency_key_runs_it_once(deploy: Deploy) -> None:
    deployed = deploy("module.exports = async () => ({at: process.hrtime.bigint().toString()});")
    key = {"Idempotency-Key": "once"}
    first = deployed.execute(**key)
    assert deployed.execute(**key).json() == first.json()
    assert deployed.execute().json() != first.json()
    assert deployed.execute({"other": 1}, **key).status_code == 422
    assert len(deployed.executions()) == 2


def test_a_change_is_for_the_next_execution(api: httpx.Client, deploy: Deploy) -> None:
    deployed = deploy("module.exports = async () => ({v: 1});")
    assert deployed.execute().json() == {"v": 1}
    change = {"code": bundle("module.exports = async () => ({v: 2});")}
    answer = api.patch(path_of(ACTIONS, deployed.resource), json=change, headers=match(deployed.resource))
    assert answer.status_code == 200
    assert deployed.execute().json() == {"v": 2}


def test_a_schema_that_points_elsewhere_fetches_nothing(deploy: Deploy) -> None:
    properties = {"n": {"$ref": "http://127.0.0.1:9/schema.json"}}
    answer = deploy("module.exports = async () => ({});", inputs={"properties": properties}).execute({"n": 1})
    assert (answer.status_code, answer.json()["details"][0]["field"]) == (400, "inputs")


def test_without_node_it_says_so(deploy: Deploy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    answer = deploy("module.exports = async () => ({});").execute()
    assert (answer.status_code, answer.json()["code"]) == (501, "RUNTIME_UNAVAILABLE")


def test_a_trace_holds_the_actions_own_lines(deploy: Deploy) -> None:
    files = {"lib_js": "exports.fall = () => { throw new Error('broken'); };"}
    source = "const lib = require('./lib.js');\nmodule.exports = async () => lib.fall();"
    body = deploy(source, files).execute().json()
    assert body["message"] == "Error: broken"
    assert body["details"] == [
        {"field": "stack", "message": "at exports.fall (lib.js:1:30)\nat module.exports (index.js:2:34)"}
    ]


def test_a_module_that_is_not_there_is_named_without_the_servers_own_places(deploy: Deploy) -> None:
    body = deploy("require('nowhere'); module.exports = async () => ({});").execute().json()
    assert body["message"] == "Error: Cannot find module 'nowhere'\nRequire stack:\n- index.js"


def test_how_a_process_ended_is_said_in_words(deploy: Deploy) -> None:
    killed = deploy("module.exports = async () => process.kill(process.pid, 'SIGKILL');").execute().json()
    assert killed["message"] == "the action's process was killed by SIGKILL before it answered"
    left = deploy("module.exports = async () => process.exit(3);", name="leaving").execute().json()
    assert left["message"] == "the action's process ended with 3 and without an answer"
    greedy = "module.exports = async () => { const a = []; for (;;) a.push(new Array(1e5).fill(1)); };"
    hungry = deploy(greedy, name="hungry", timeoutSeconds=30).execute().json()
    assert (hungry["code"], hungry["details"]) == ("ACTION_FAILED", [])
    assert hungry["message"] == "the action used more memory than it may: 256 MB for its objects"
