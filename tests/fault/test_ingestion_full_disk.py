"""A disk that takes nothing more while an ingestion sets records aside: the report says so, and nothing is lost."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.support.emulator import running_emulator
from tests.support.ingestion import Ingesting, account, tickets

LIMITED = """
import resource, runpy, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
sys.argv[0] = "reconciler"
runpy.run_module("reconciler", run_name="__main__")
"""


def test_the_account_survives_a_quarantine_that_does_not_fit(tmp_path: Path) -> None:
    with running_emulator() as emulator:
        job = Ingesting.make(tmp_path / "project", emulator)
        job.source(
            [record | {"active": "maybe" if number % 2 else True} for number, record in enumerate(tickets(4000))]
        )
        ran = subprocess.run(
            [sys.executable, "-c", LIMITED, "run", "Ingestion/load", "--format", "json"],
            cwd=job.project.root,
            env={**job.project.environ, "PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parents[2])},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ran.returncode == 1, ran.stdout + ran.stderr
        assert "Traceback" not in ran.stderr
        [report] = json.loads(ran.stdout)["jobs"]
        assert report["error"]["code"] == "X001"
        assert "the quarantine file load.ndjson cannot be written" in report["error"]["message"]
        assert report["account"]["balanced"]
        assert report["account"]["pending"] == report["account"]["read"] == 4000
        assert report["messages"] == ["--resume goes on from here"]
        assert job.run("--resume")["account"] == account(4000, 2000, quarantined=2000)
        assert len(job.quarantined) == 2000
