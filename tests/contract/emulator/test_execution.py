"""Executing data actions with this machine's Node.js (contract: Resources, DataAction)."""

from __future__ import annotations

import base64
import io
import json
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from tests.contract.emulator.bodies import ACTIONS, action, created, match, path_of
from tests.support.emulator import RunningEmulator, emulator_process, running_emulator

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed: actions can't run here")

ANY: dict[str, Any] = {"properties": {}}


def bundle(source: str, **files: str) -> str:
    """Zip index.js, and files by name with ``_`` for the dot, in base64."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.js", source)
        for name, text in files.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), text)
    return base64.b64encode(buffer.getvalue()).decode()


class Deployed:
    """An action in the tenant, and the answers that it gives."""

    def __init__(self, api: httpx.Client, source: str, files: dict[str, str], more: dict[str, Any]) -> None:
        body = {"inputs": ANY, "outputs": ANY, "environment": {}, "code": bundle(source, **files)} | more
        self.api = api
        self.resource = created(api, ACTIONS, action(**body))

    def execute(self, inputs: Any = None, **headers: str) -> httpx.Response:
        return self.api.post(
            f"{ACTIONS}/{self.resource['id']}/execute",
            json={"inputs": {} if inputs is None else inputs},
            headers=headers,
        )

    def executions(self) -> list[dict[str, Any]]:
        return list(self.api.get(f"/_emulator/actions/{self.resource['id']}/executions").json()["executions"])


Deploy = Callable[..., Deployed]


@pytest.fixture
def deploy(api: httpx.Client) -> Deploy:
    def make(source: str, files: dict[str, str] | None = None, **more: Any) -> Deployed:
        return Deployed(api, source, files or {}, more)

    return make


def logs_of(answer: httpx.Response) -> Any:
    return json.loads(base64.b64decode(answer.headers["x-execution-logs"]))


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
        ("module.exports = async () => process.kill(process.pid, 'SIGKILL');", "ended with -9"),
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


def alive(pid: int) -> bool:
    """Say whether a process runs; one that has ended and that nobody has asked after does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("busy", ["for (;;) {}", "await new Promise((resolve) => setTimeout(resolve, 60000));"])
def test_past_its_time_it_is_stopped_with_all_it_started(deploy: Deploy, tmp_path: Path, busy: str) -> None:
    source = (
        "const {spawn} = require('node:child_process');\n"
        "module.exports = async (context, inputs) => {\n"
        "  const child = spawn('/bin/sleep', ['60'], {stdio: 'inherit'});\n"
        "  require('node:fs').writeFileSync(inputs.file, `${process.pid} ${child.pid}`);\n"
        "  context.logger.info('started');\n"
        f"  {busy}\n"
        "};"
    )
    file = tmp_path / "pids"
    answer = deploy(source, timeoutSeconds=1).execute({"file": str(file)})
    assert (answer.status_code, answer.json()["code"]) == (504, "EXECUTION_TIMEOUT")
    assert logs_of(answer) == [{"level": "info", "message": "started"}]
    assert not any(alive(int(pid)) for pid in file.read_text().split())


def test_what_it_leaves_running_ends_with_it(deploy: Deploy) -> None:
    source = (
        "const {spawn} = require('node:child_process');\n"
        "module.exports = async () => ({pid: spawn('/bin/sleep', ['60'], {stdio: 'inherit'}).pid});"
    )
    pid = deploy(source).execute().json()["pid"]
    assert not alive(pid)


def test_its_environment_is_what_was_declared(deploy: Deploy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY_OF_THE_MACHINE", "sings")
    source = (
        "module.exports = async () => ({env: process.env, cwd: process.cwd(), files: require('fs').readdirSync('.')});"
    )
    environment = {"PLAIN": "one", "KEY": {"value": "canary-9", "secret": True}, "NODE_OPTIONS": "--no-such-option"}
    found = deploy(source, environment=environment).execute().json()
    scratch = found["env"].pop("TMPDIR")
    assert found["env"] == {"PLAIN": "one", "KEY": "canary-9", "NODE_OPTIONS": "--no-such-option"}
    assert (found["cwd"], found["files"]) == (scratch, [])
    assert not Path(scratch).parent.exists()


def test_executions_share_nothing(deploy: Deploy) -> None:
    source = (
        "const fs = require('node:fs');\n"
        "globalThis.count = (globalThis.count || 0) + 1;\n"
        "module.exports = async () => {\n"
        "  const before = fs.existsSync('left') || fs.existsSync(__dirname + '/left');\n"
        "  fs.writeFileSync('left', 'x'); fs.writeFileSync(__dirname + '/left', 'x');\n"
        "  return {before, count: globalThis.count};\n"
        "};"
    )
    deployed = deploy(source)
    assert [deployed.execute().json() for _ in range(2)] == [{"before": False, "count": 1}] * 2


def test_secrets_stay_out_of_what_is_shown(deploy: Deploy) -> None:
    source = (
        "module.exports = async (context) => {\n"
        "  context.logger.info(`key ${process.env.KEY}`, {nested: [process.env.KEY]});\n"
        "  console.log(process.env.KEY);\n"
        "  throw new Error(`refused ${process.env.KEY}`);\n"
        "};"
    )
    deployed = deploy(source, environment={"KEY": {"value": 'cana"ry-7', "secret": True}})
    answer = deployed.execute()
    shown = (
        answer.text + base64.b64decode(answer.headers["x-execution-logs"]).decode() + json.dumps(deployed.executions())
    )
    assert "ry-7" not in shown
    assert logs_of(answer)[0]["message"] == "key ********"


def test_what_it_prints_is_kept_within_bounds(deploy: Deploy) -> None:
    source = "module.exports = async () => { for (let i = 0; i < 40000; i++) console.log('line ' + i); return {}; };"
    deployed = deploy(source)
    assert deployed.execute().status_code == 200
    printed = deployed.executions()[0]["printed"]
    assert printed.startswith("line 0\nline 1\n")
    assert len(printed) <= 1 << 17


def test_logs_are_cut_in_the_header_and_bounded_as_a_whole(deploy: Deploy) -> None:
    source = (
        "module.exports = async (c) => { for (let i = 0; i < 9000; i++) c.logger.info('line ' + i, {i}); return {}; };"
    )
    deployed = deploy(source)
    answer = deployed.execute()
    header = logs_of(answer)
    assert header[0]["message"].endswith("earlier lines are left out here")
    assert "cut off" in header[-1]["message"]
    kept = deployed.executions()[0]["logs"]
    assert kept[0] == {"level": "info", "message": "line 0", "data": {"i": 0}}
    assert 1000 < len(kept) < 9000


def test_strange_things_can_be_logged(deploy: Deploy) -> None:
    source = (
        "module.exports = async (c) => {\n"
        "  const ring = {}; ring.self = ring;\n"
        "  c.logger.info(ring, new Error('e')); c.logger.warn('big', 10n); c.logger.info(); return {};\n"
        "};"
    )
    assert logs_of(deploy(source).execute()) == [
        {"level": "info", "message": "[object Object]", "data": {"name": "Error", "message": "e"}},
        {"level": "warn", "message": "big", "data": "10"},
        {"level": "info", "message": "undefined"},
    ]


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


def test_not_more_than_five_run_at_once(deploy: Deploy, tmp_path: Path) -> None:
    source = (
        "const fs = require('node:fs');\n"
        "module.exports = async (context, {folder, id}) => {\n"
        "  fs.writeFileSync(`${folder}/${id}`, '');\n"
        "  const seen = fs.readdirSync(folder).length;\n"
        "  await new Promise((resolve) => setTimeout(resolve, 50));\n"
        "  fs.unlinkSync(`${folder}/${id}`);\n"
        "  return {seen};\n"
        "};"
    )
    deployed = deploy(source)
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda n: deployed.execute({"folder": str(tmp_path), "id": str(n)}), range(12)))
    assert all(answer.status_code == 200 for answer in answers), [answer.text for answer in answers]
    assert max(answer.json()["seen"] for answer in answers) <= 5


@pytest.fixture(scope="module", params=["modules", "project"])
def provided(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    """An emulator with two modules, one of which needs the other, and an environment file."""
    base = tmp_path_factory.mktemp("provided")
    folder = base / "modules" if request.param == "modules" else base / "node_modules"
    for name, source in {
        "greet": "module.exports = (name) => require('greeting') + ', ' + name;",
        "greeting": "module.exports = 'hello';",
    }.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "index.js").write_text(source)
    file = base / "tenant.env"
    file.write_text("# the tenant's\n\nCRM_URL=http://127.0.0.1:1\nexport QUOTED='a b # c'\nPLAIN=tenant\n")
    modules = folder if request.param == "modules" else base
    with running_emulator(action_modules=modules, action_env=file) as running:
        yield running


def test_modules_and_environment_of_the_tenant(provided: RunningEmulator) -> None:
    provided.control("POST", "reset")
    source = (
        "const greet = require('greet'); module.exports = async (c, i) => ({said: greet(i.name), env: process.env});"
    )
    with provided.client() as api:
        answer = Deployed(api, source, {}, {"environment": {"PLAIN": "own"}}).execute({"name": "Ada"})
    assert answer.json()["said"] == "hello, Ada"
    env = answer.json()["env"]
    assert (env["CRM_URL"], env["QUOTED"], env["PLAIN"]) == ("http://127.0.0.1:1", "a b # c", "own")
    assert "NODE_PATH" not in env


def test_a_wrong_environment_file_is_told_without_its_content(tmp_path: Path) -> None:
    file = tmp_path / "tenant.env"
    file.write_text("GOOD=1\ncanary-8\n")
    command = [sys.executable, "-m", "reconciler", "emulator", "--action-env", str(file)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "line 2 is not NAME=value" in result.stderr
    assert "canary" not in result.stderr


def test_stopping_the_server_stops_what_runs(tmp_path: Path) -> None:
    source = (
        "module.exports = async (context, inputs) => {\n"
        "  require('node:fs').writeFileSync(inputs.file, String(process.pid));\n"
        "  await new Promise((resolve) => setTimeout(resolve, 60000));\n"
        "};"
    )
    file = tmp_path / "pid"
    errors: list[Exception] = []

    def ask(deployed: Deployed) -> None:
        try:
            deployed.execute({"file": str(file)})
        except httpx.TransportError as error:
            errors.append(error)

    with emulator_process() as emulator, emulator.client() as api:
        thread = threading.Thread(target=ask, args=[Deployed(api, source, {}, {"timeoutSeconds": 30})])
        thread.start()
        while not (file.exists() and file.read_text()):
            pass
    thread.join()
    assert not alive(int(file.read_text()))
