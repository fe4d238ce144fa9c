"""Everything that the tool keeps, damaged in every way: a clear error with a way out, or it heals by itself; never a wrong write.

The tenant's own log is the witness. All cases begin with a copy of one project that was applied, and whose manifests changed
since: what a plan shows before the damage it shows again once the way out was taken.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.plandigest import plan_digest
from tests.support.damage import CONTENT, PLACES, Damage, changed, edited
from tests.support.damaged_project import BY_NAME, RIGHT, planned, refused, told
from tests.support.project import Project
from tests.support.tenant_project import Setting, dataset

ENTRY = ("entries", "Dataset/beside")


def twin(data: bytes) -> bytes:
    """A merge that went wrong: two keys for one live resource, of which one has no manifest."""
    ledger = json.loads(data)
    ledger["entries"]["Dataset/twin"] = ledger["entries"]["Dataset/beside"]
    return json.dumps(ledger).encode()


LEDGERS: dict[str, Damage] = {
    **CONTENT,
    "a merge's marks": changed(lambda data: b"<<<<<<< ours\n" + data + b"=======\n>>>>>>> theirs\n"),
    "no number": changed(lambda data: data.replace(b'"serial"', b'"x": NaN, "serial"')),
    "far too deep": edited(*ENTRY, "fields", "deep", to=json.loads("[" * 300 + "]" * 300)),
    "two owners": changed(twin),
    "no id": edited(*ENTRY, "id", to=""),
    "id of null": edited(*ENTRY, "id", to=None),
    "protection of null": edited(*ENTRY, "protect", to=None),
    "retention in words": edited(*ENTRY, "retain", to="false"),
    "fields in a list": edited(*ENTRY, "fields", to=[["name", "x"]]),
    "a key without kind": changed(lambda data: data.replace(b"Dataset/beside", b"beside")),
    "entries in a list": edited("entries", to=[]),
    "a bundle of nothing": edited("entries", "DataAction/enrich", "fields", "code", to={"@reconciler": {"bundle": 5}}),
    "a salt cut short": edited("salt", to="00"),
    "no salt": edited("salt", to=None),
    "a serial that is none": edited("serial", to=True),
    "another version": edited("format_version", to=2),
    "a version that is none": edited("format_version", to="1"),
}


@pytest.mark.parametrize("how", LEDGERS)
def test_a_ledger(copied: Setting, how: str) -> None:
    project, path = copied.project, copied.project.state / "ledger.json"
    whole = path.read_bytes()
    LEDGERS[how](path)
    owning = ["adopt", "Dataset/more"], ["forget", "Dataset/beside"]
    acting = ["plan", "--prune"], ["apply", "--yes", "--prune"], ["apply", "plan.json"], ["drift"]
    refused(project, "L001", ".reconciler/local/ledger.json", *acting, *owning, ["ledger", "list"])
    assert told(project.run("ledger", "verify").ok(1), "ledger")
    path.write_bytes(whole)
    assert planned(project) == RIGHT
    path.unlink()
    assert planned(project) == BY_NAME


@pytest.mark.parametrize(("name", "value"), [("stack", "other"), ("target", "https://other.example")])
def test_the_ledger_of_somebody_else(copied: Setting, name: str, value: str) -> None:
    path = copied.project.state / "ledger.json"
    edited(name, to=value)(path)
    acting = ["plan", "--prune"], ["apply", "--yes", "--prune"], ["apply", "plan.json"], ["forget", "Dataset/beside"]
    refused(copied.project, "L000", ".reconciler/local/ledger.json", *acting)
    path.unlink()
    assert planned(copied.project) == BY_NAME


def test_the_salt_of_another_ledger(copied: Setting) -> None:
    """It cannot be told from the right one: all secrets seem to have changed, and a plan says so."""
    edited("salt", to="00" * 16)(copied.project.state / "ledger.json")
    assert planned(copied.project) == {**RIGHT, "Connector/crm": "update", "DataAction/enrich": "update"}
    assert "(secret, rotated)" in copied.project.run("plan").ok().out


STATE: dict[str, tuple[str, ...]] = {
    "ledger.json": ("plan", "drift", "apply", "forget", "audit"),
    "journal.ndjson": ("plan", "drift", "apply", "forget"),
    "audit.ndjson": ("apply", "forget", "audit"),
    "lock": ("apply", "forget"),
    "freeze.json": ("apply", "forget"),
}
"""Which commands need each file; all others go on without."""


@pytest.mark.parametrize("how", PLACES)
@pytest.mark.parametrize("name", STATE)
def test_state_that_is_no_file_to_read(copied: Setting, name: str, how: str) -> None:
    project, path = copied.project, copied.project.state / name
    if name == "freeze.json":
        project.run("ledger", "lock").ok()
    aside = path.read_bytes()
    PLACES[how](path)
    commands = {
        "plan": ["plan"],
        "drift": ["drift"],
        "apply": ["apply", "--yes"],
        "forget": ["forget", "Dataset/beside"],
    }
    commands["audit"] = ["audit", "--verify"]
    refused(project, "X001", f".reconciler/local/{name}", *(commands[item] for item in STATE[name]))
    for command in sorted(set(commands) - set(STATE[name])):
        project.run(*commands[command]).ok()
    path.rmdir() if path.is_dir() else path.unlink()
    path.write_bytes(aside)
    project.run("ledger", "unlock").ok()
    project.run("ledger", "verify").ok()
    assert planned(project) == RIGHT


@pytest.mark.parametrize("how", ["truncated", "emptied", "garbage", "zeros", "other"])
def test_notes_on_who_holds_and_who_froze(copied: Setting, how: str) -> None:
    """A note that says nothing stands for somebody: a freeze is a freeze. What a lock's file holds means nothing."""
    project = copied.project
    project.run("ledger", "lock", "--purpose", "migration").ok()
    CONTENT[how](project.state / "freeze.json")
    CONTENT[how](project.state / "lock")
    (project.state / "holder.json").write_bytes((project.state / "freeze.json").read_bytes())
    frozen = project.run("apply", "--yes").ok(1)
    assert "error[L002]: the ledger is frozen by somebody" in frozen.err
    assert "`reconciler ledger unlock` ends the freeze" in frozen.err
    assert planned(project) == RIGHT
    project.run("ledger", "unlock").ok()
    project.run("ledger", "lock").ok()
    project.run("ledger", "verify").ok()


@pytest.mark.parametrize("how", CONTENT)
def test_an_audit_log(copied: Setting, how: str) -> None:
    project = copied.project
    CONTENT[how](project.state / "audit.ndjson")
    assert planned(project) == RIGHT
    project.run("drift").ok()
    assert told(project.run("ledger", "verify").ok(1), "audit log")
    assert project.run("audit", "--verify").ok(1).out


CACHES = ("documents", "approved", "meaning-*")


@pytest.mark.parametrize("how", [*CONTENT, *PLACES, "another version", "another project's"])
@pytest.mark.parametrize("name", CACHES)
def test_what_is_remembered_of_manifests(copied: Setting, tmp_path: Path, name: str, how: str) -> None:
    """It is made anew, where it can be; what it says of other manifests is not believed."""
    project = copied.project
    shutil.rmtree(project.root / ".reconciler" / "cache")
    for _ in range(2):  # the first one parses, and what manifests mean is remembered where nothing had to be
        project.plan()
    [path] = (project.root / ".reconciler" / "cache").glob(name)
    whole = path.read_bytes()
    if how == "another project's":
        other = Project.create(tmp_path / "other", url=copied.emulator.url, stack="other")
        other.environ |= project.environ
        other.put("all.yaml", dataset("more", description="another"))
        for _ in range(2):
            other.plan()
        shutil.copy(next((other.root / ".reconciler" / "cache").glob(name)), path)
    elif how == "another version":
        path.write_bytes(whole.replace(b"reconciler ", b"reconciler 99 ", 1))
    else:
        (CONTENT | PLACES)[how](path)
    assert planned(project) == RIGHT
    said = project.run("validate").ok().err + project.run("plan").ok().err
    in_the_way = how == "a folder" and name != "approved"  # which costs some milliseconds, and no more is said of it
    assert ("cache cannot be written (Is a directory): the next run reads all manifests again" in said) == in_the_way
    if how == "a folder":
        path.rmdir()
        project.run("validate").ok()
        assert planned(project) == RIGHT
    if how != "another project's":  # which may know of more than this one
        assert path.read_bytes() == whole


def _with_digest(*place: str, to: Any) -> Damage:
    """A plan that somebody changed, with a digest that fits."""

    def change(data: bytes) -> bytes:
        tree = at = json.loads(data)
        for step in place[:-1]:
            at = at[step]
        at[place[-1]] = to
        tree["planDigest"] = plan_digest(tree)
        return json.dumps(tree).encode()

    return changed(change)


PLANS: dict[str, Damage] = {
    **CONTENT,
    "a value that changed": edited("header", "stack", to="demo2"),
    "a newer version": _with_digest("format_version", to="2.0"),
    "changes of null": _with_digest("changes", to=None),
    "changes in words": _with_digest("changes", to="none"),
    "a header in a list": _with_digest("header", to=[]),
    "no expiry": _with_digest("header", "expires", to=""),
    "another stack's": _with_digest("header", "stack", to="other"),
    "another target's": _with_digest("header", "target", to="prod"),
    "another tenant's": _with_digest("header", "url", to="https://other.example"),
}


@pytest.mark.parametrize("how", [*PLANS, "unreadable"])
def test_a_saved_plan(copied: Setting, how: str) -> None:
    project, path = copied.project, copied.project.root / "plan.json"
    (PLANS | PLACES)[how](path)
    place = "plan.json" if how in CONTENT or how == "unreadable" else "plan"
    refused(project, "F001", place, ["apply", "plan.json"])
    project.run("plan", "--out", "plan.json").ok()
    assert "1 to create, 1 to update" in project.run("show", "plan.json").ok().out
    assert planned(project) == RIGHT


@pytest.mark.parametrize("how", ["a folder", "a loop"])
def test_a_plan_that_is_no_file(copied: Setting, how: str) -> None:
    project = copied.project
    PLACES[how](project.root / "plan.json")
    for command in (["apply", "plan.json"], ["show", "plan.json"]):
        assert "plan" in project.run(*command).ok(64).err
    project.run("plan", "--out", "plan.json").ok(64 if how == "a folder" else 0)
