"""Ctrl-C while modules are being loaded, at each of them: the command ends as it ends later, and no library's start is broken by it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.profile import ACCEPTANCE
from tests.support.project import Project
from tests.support.tenant_project import dataset

_PROGRAM = """
import json, os, signal, sys
wanted, names, process = sys.argv[1], [], os.getpid()
def loaded(event, details):
    if event == "import" and os.getpid() == process:
        names.append(details[0])
        if details[0] == wanted and names.count(wanted) == 1:
            os.kill(process, signal.SIGINT)
sys.addaudithook(loaded)
sys.argv = ["reconciler", "plan", "-q", "--detailed-exitcode"]
from reconciler.__main__ import run
try:
    run()
finally:
    if not wanted:
        print(json.dumps(names), file=sys.stderr)
"""
"""A plan, asked to stop when it begins to load a module; without a name it says which modules those are."""

_UNBROKEN = """
import os, signal, sys
from reconciler.cli.startup import load_unbroken
assert "uuid" not in sys.modules
sys.addaudithook(lambda event, details: event == "import" and details[0] == "uuid" and os.kill(os.getpid(), signal.SIGINT))
try:
    load_unbroken()
except KeyboardInterrupt:
    print("orjson" in sys.modules)
"""
"""Ctrl-C while orjson loads another module in the midst of its own start."""

EACH = 5 if ACCEPTANCE else 60
"""At each which module it is asked to stop; a start takes a second."""


def _plan(project: Project, interrupted_at: str = "") -> subprocess.CompletedProcess[str]:
    shutil.rmtree(project.root / ".reconciler" / "cache", ignore_errors=True)
    return subprocess.run(
        [sys.executable, "-c", _PROGRAM, interrupted_at],
        cwd=project.root,
        env=project.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_wherever_it_is(tmp_path: Path) -> None:
    project = Project.create(tmp_path / "project")
    project.put("all.yaml", dataset("people"))
    whole = _plan(project)
    assert whole.returncode == 2, whole.stderr
    names = list(dict.fromkeys(json.loads(whole.stderr.splitlines()[-1])))
    # Before that, no code of ours runs that could do anything about it.
    ours = names[names.index("reconciler.cli.main") :]
    for name in ours[::EACH]:
        ended = _plan(project, name)
        assert (name, ended.returncode) == (name, 130), ended.stderr
        assert ended.stderr.strip() in ("", "Aborted."), name


def test_in_the_midst_of_orjson() -> None:
    done = subprocess.run([sys.executable, "-c", _UNBROKEN], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")
