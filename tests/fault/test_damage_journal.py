"""A journal that is damaged: what can still be known of an apply is known, and in doubt the tenant is asked.

The audit log and the pieces of a shared ledger are here as well.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.bucket import Bucket
from tests.support.damage import CONTENT, Damage, changed, header_of
from tests.support.damaged_project import OWNED, RIGHT, planned, refused, told
from tests.support.project import Project
from tests.support.tenant_project import Setting

PLACE = ".reconciler/local/journal.ndjson"


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


JOURNALS: dict[str, Damage] = {
    **CONTENT,
    "garbage in lines": changed(lambda data: b"garbage\n" * len(data.splitlines())),
    "without its end": changed(lambda data: b"".join(data.splitlines(keepends=True)[:-1])),
    "its end torn": changed(lambda data: data[:-5]),
    "a line of it gone bad": changed(lambda data: data[:100] + b"#" + data[101:-5]),
    "another version": header_of(format_version=3),
    "a header without a plan": header_of(plan=None),
}
REFUSED = {"garbage": "L001", "garbage in lines": "L001", "a line of it gone bad": "L001", "another version": "L001"}
"""The others cannot be told from what a crash leaves: they heal by themselves, or by going on."""


@pytest.mark.parametrize("how", JOURNALS)
def test_of_an_apply_that_ended(copied: Setting, how: str) -> None:
    project = copied.project
    before = copied.ledger()
    JOURNALS[how](project.state / "journal.ndjson")
    if how in REFUSED:
        acting = ["plan"], ["apply", "--yes"], ["apply", "--resume"], ["forget", "Dataset/beside"]
        refused(project, REFUSED[how], PLACE, *acting)
        assert told(project.run("ledger", "verify").ok(1), "journal")
    resumed = project.run("apply", "--resume")
    if resumed.code:
        assert "`reconciler ledger unlock --discard-journal`" in resumed.err
        project.run("ledger", "unlock", "--discard-journal").ok()
    assert planned(project) == RIGHT
    assert copied.ledger() == before
    project.run("ledger", "verify").ok()
    project.run("audit", "--verify").ok()


TAILS = (b"", b"\xff\n\0\n")
"""What may stand behind the last line that reads back; and the half of the next one."""


@pytest.mark.parametrize("known", range(11))
def test_of_an_apply_that_was_cut_off(repeated: Setting, known: int) -> None:
    """The tenant holds everything, the ledger nothing yet, and the journal only its first lines: nothing is made twice."""
    project = repeated.project
    path, lines = project.state / "journal.ndjson", _lines(project.state / "journal.ndjson")
    kept, following = lines[:known], lines[min(known, len(lines) - 1)]
    ledger = project.ledger | {"entries": {}, "serial": 1}
    for tail in (*TAILS, following[: len(following) // 2]):
        (project.state / "ledger.json").write_text(json.dumps(ledger), encoding="utf-8")
        path.write_bytes(b"".join(kept) + tail)
        resumed = project.run("apply", "--resume")
        if resumed.code == 1:
            assert f"error[L001]: the journal {PLACE} is damaged" in resumed.err
            project.run("ledger", "unlock", "--discard-journal").ok()
        else:
            assert (resumed.code in (0, 4), resumed.trace) == (True, ""), resumed.all
        taken = [word for key in OWNED if key not in project.entries for word in ("--adopt", key)]
        plan = project.plan(*(taken if project.entries else ()))
        assert {change["key"] for change in plan["changes"] if change["action"] == "create"} == {"Dataset/more"}
        assert plan["problems"] == []


@pytest.mark.parametrize(("name", "value"), [("stack", "other"), ("url", "https://other.example")])
def test_of_somebody_else(copied: Setting, name: str, value: str) -> None:
    """It was copied here from another project, or from another target's folder: none of it is sent, none of it believed."""
    project = copied.project
    path, before = project.state / "journal.ndjson", copied.ledger()
    path.write_bytes(b"".join(_lines(path)[:3]))
    plan = json.loads(path.read_bytes().split(b"\n", 1)[0].partition(b" ")[2])["plan"]
    header_of(plan=plan | {"header": plan["header"] | {name: value}})(path)
    acting = ["plan"], ["drift"], ["apply", "--yes"], ["apply", "--resume"], ["forget", "Dataset/beside"]
    refused(project, "L000", PLACE, *acting)
    assert told(project.run("ledger", "verify").ok(1), "journal")
    assert "another stack or tenant" in project.run("ledger", "unlock", "--discard-journal").ok().err
    assert copied.ledger() == before
    assert planned(project) == RIGHT


@pytest.mark.parametrize("how", ["truncated", "emptied", "garbage", "zeros"])
def test_an_audit_log_that_an_apply_goes_on_with(setting: Setting, how: str) -> None:
    """Its gap can be seen for good, and it keeps nothing from being applied."""
    project = setting.project
    setting.chain()
    project.apply("--only", "Dataset/*")
    CONTENT[how](project.state / "audit.ndjson")
    project.apply()
    project.converged()
    assert project.run("audit", "--verify").ok(1).out
    assert told(project.run("ledger", "verify").ok(1), "audit log")


@pytest.fixture
def shared(copied: Setting, bucket: Bucket, tmp_path: Path) -> Project:
    """The same project, its ledger in a bucket."""
    project = bucket.project(copied, tmp_path / "shared").project
    bucket.put("ledger.json", (copied.project.state / "ledger.json").read_bytes())
    for name in ("journal", "audit"):
        for number, line in enumerate(_lines(copied.project.state / f"{name}.ndjson")):
            bucket.put(f"log/{name}.ndjson/00001/000001/{number:08}", line)
    assert planned(project) == RIGHT
    return project


def test_a_shared_ledger(shared: Project, bucket: Bucket) -> None:
    whole = bucket.get("ledger.json")
    bucket.put("ledger.json", whole[:-40])
    refused(shared, "L001", "/cxone/prod/ledger.json", ["plan", "--prune"], ["apply", "--yes", "--prune"])
    bucket.put("ledger.json", whole)
    assert planned(shared) == RIGHT


@pytest.mark.parametrize("name", ["journal", "audit"])
def test_a_piece_that_is_missing(shared: Project, bucket: Bucket, name: str) -> None:
    piece = f"log/{name}.ndjson/00001/000001/00000002"
    kept = bucket.get(piece)
    bucket.delete(piece)
    assert told(shared.run("ledger", "verify").ok(1), "journal" if name == "journal" else "audit log")
    refused(shared, "L001", f"{name}.ndjson", ["plan"] if name == "journal" else ["audit", "--verify"])
    bucket.put(piece, kept)
    assert planned(shared) == RIGHT
    shared.run("ledger", "verify").ok()


@pytest.mark.parametrize("held", [b"", b"\0garbage", b"[]", b'{"owner": 5}'])
def test_a_lock_that_says_nothing_is_somebodys(shared: Project, bucket: Bucket, held: bytes) -> None:
    bucket.put("lock", held)
    ran: Any = shared.run("apply", "--yes", "--lock-timeout", "0").ok(1)
    assert "error[L002]" in ran.err
    assert planned(shared) == RIGHT
