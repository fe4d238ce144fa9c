"""The commands of the page about extension syncs, run as they stand there, in the sample project."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from tests.support.project import Project

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "jobs" / "extension-sync.md").read_text(encoding="utf-8")


def test_the_commands_do_what_the_page_says(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "manifests", tmp_path / "sample", ignore=shutil.ignore_patterns(".reconciler"))
    project = Project(tmp_path / "sample")
    blocks = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    commands = [line.split() for block in blocks for line in block.splitlines()]
    assert len(commands) == 5
    said = []
    for words in commands:
        assert words.pop(0) == "reconciler"
        if "--replay" in words:
            aside = project.state / "jobs" / "ExtensionSync-customer-profiles" / "quarantine.ndjson"
            entries = [json.loads(line) for line in aside.read_text(encoding="utf-8").splitlines()]
            assert [entry["row"] for entry in entries] == [2, 4]
            entries[0]["record"]["mobile"] = "+47 41 22 33 44"
            project.write(words[-1], json.dumps(entries[0]) + "\n")
        said.append(project.run(*words).ok().out)
    assert "5 read = 0 accepted + 0 rejected + 2 quarantined + 3 pending" in said[1]
    assert "5 read = 3 accepted + 0 rejected + 2 quarantined + 0 pending" in said[2]
    assert "1 read = 1 accepted + 0 rejected + 0 quarantined + 0 pending" in said[3]
    assert "nothing to resume" in said[4]
    extension = project.entries["DataExtension/customer-profile"]["id"]
    found = project.control("GET", f"extensions/{extension}/records")["records"]
    assert {record["customerId"]: record["phone"] for record in found} == {
        "F-1001": "+4722334455",
        "F-1002": "+4741223344",
        "F-1003": "+298223344",
        "F-1005": "+4755102030",
    }


def test_the_manifest_on_the_page_is_valid(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "manifests", tmp_path / "sample", ignore=shutil.ignore_patterns(".reconciler"))
    project = Project(tmp_path / "sample")
    (block,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    (project.root / "jobs" / "customer-profiles.yaml").write_text(block, encoding="utf-8")
    project.run("validate", CXONE_WEBHOOK_SECRET="s").ok()
