"""What somebody has who gets at the files of a project, the log of a pipeline or a backup: no secret, and not for everybody to read."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.emulator import RunningEmulator
from tests.support.project import CLIENT_SECRET, Ran
from tests.support.tenant_project import Setting, action, connector, dataset, stream

CANARY = "canary/7f3a+secret value=ü"
OTHER = "canary-of-another-kind-91c2"


@pytest.fixture(autouse=True)
def _for_everybody() -> Iterator[None]:
    """Whatever the files' modes are, they are not the umask's doing."""
    before = os.umask(0)
    yield
    os.umask(before)


def spellings(secret: str) -> set[bytes]:
    """A secret as it might stand in a file: as it is, in JSON, in a URL, in Base64 at any offset, in hex."""
    data = secret.encode()
    packed = {base64.b64encode(b"x" * shift + data)[4:-4] for shift in range(3)}
    plain = {data, json.dumps(secret)[1:-1].encode(), quote(secret, safe="").encode(), quote(secret).encode()}
    return plain | packed | {data.hex().encode()}


def everything(setting: Setting) -> list[Ran]:
    """Declare secrets of two sorts, and drive all that writes files or logs, as loudly as can be, faults among them."""
    project = setting.project
    project.environ |= {"SECRET_ONE": CANARY, "SECRET_TWO": OTHER}
    environment = {"KEY": "${secret:env:SECRET_TWO}", "CRM": "${ref:Connector/crm.id}"}
    project.put("all.yaml", connector("crm"), action("enrich", environment=environment), stream("calls", "enrich"))
    loud = ["-vvv"]
    ran = [project.run("plan", "--out", "plan.json", *loud), project.run("apply", "plan.json", "--no-input", *loud)]
    project.put("more.yaml", dataset("people"))
    project.environ["SECRET_TWO"] = OTHER[::-1]
    setting.fault("POST", "/api/v2/*", 1, status=500)
    ran += [project.run("apply", "--yes", *loud), project.run("apply", "--resume", *loud)]
    setting.heal()
    setting.edit("Connector", "crm", description="console")
    reports = [f"--report={name}=report.{name}" for name in ("markdown", "html", "json", "junit")]
    ran += [project.run("apply", "--yes", *loud, *reports), project.run("drift", *loud), project.run("doctor", *loud)]
    ran += [project.run("export", "exported", *loud), project.run("validate", *loud), project.run("audit")]
    ran += [project.run("ledger", "show", "Connector/crm", "--format", "json"), project.run("show", "plan.json")]
    return ran


def test_no_secret_is_in_any_file_or_log(setting: Setting, emulator: RunningEmulator) -> None:
    ran = everything(setting)
    assert not [item.trace for item in ran if item.trace]
    assert {item.code for item in ran} <= {0, 1, 2, 4}
    assert setting.live("Connector")["crm"]["stored"]["authentication"]["credentials"]["password"] == CANARY
    wanted = {text for secret in (CANARY, OTHER, OTHER[::-1], CLIENT_SECRET) for text in spellings(secret)}
    wanted.add(b"Bearer ey")
    files = list(setting.project.kept())
    assert {path.name for path, _ in files} >= {
        "plan.json",
        "ledger.json",
        "journal.ndjson",
        "audit.ndjson",
        "documents",
    }
    for name, data in [
        *((str(path), data) for path, data in files),
        *((str(item.code), item.all.encode()) for item in ran),
    ]:
        assert not [text for text in wanted if text in data], name


def test_what_holds_fingerprints_is_its_owners(setting: Setting) -> None:
    """Plan, ledger, journal, audit log, lock, cache: 0600 in folders of 0700, whatever the umask."""
    everything(setting)
    state = setting.project.root / ".reconciler"
    found = {path: path.stat().st_mode & 0o777 for path in [state, *state.rglob("*")]}
    assert {str(path): oct(mode) for path, mode in found.items() if mode & 0o077} == {}
    assert (setting.project.root / "plan.json").stat().st_mode & 0o777 == 0o600


def test_a_fingerprint_of_one_ledger_says_nothing_about_another(setting: Setting, tmp_path: Path) -> None:
    """The same secret in two projects: the marks are different, so that nobody sees that they share it."""
    marks = set()
    for name in ("one", "two"):
        other = Setting.make(tmp_path / name, setting.emulator)
        other.project.put("all.yaml", connector("crm"))
        other.project.apply()
        ledger = other.project.ledger
        (mark,) = {
            json.dumps(ledger["entries"]["Connector/crm"]["fields"]["authentication"]["credentials"]["password"])
        }
        marks.add(mark)
        assert len(bytes.fromhex(ledger["salt"])) >= 16
    assert len(marks) == 2
