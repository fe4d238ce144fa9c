"""What an executing data action can reach, and what is left of it: time, processes, environment, secrets, logs."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.contract.emulator.executions import Deploy, Deployed, alive, logs_of
from tests.support.emulator import RunningEmulator, emulator_process, running_emulator

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed: actions can't run here")


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
