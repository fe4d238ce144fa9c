"""Projects with one extension sync, and what tests look at after its runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.emulator import RunningEmulator
from tests.support.project import Project, manifest
from tests.support.sync_tenant import FIELDS, SECRET, SyncTenant

KEY = "ExtensionSync/load"


def extension(**changes: Any) -> dict[str, Any]:
    """The manifest of the extension."""
    return manifest("DataExtension", "profile", {"fields": [dict(item) for item in FIELDS], **changes})


def job(**changes: Any) -> dict[str, Any]:
    """The manifest of the job: a CSV file, offered to the tenant; a signed webhook."""
    spec: dict[str, Any] = {
        "extensionRef": "profile",
        "source": {"path": "people.csv", "format": "csv"},
        "webhook": {"secret": "${secret:env:TEST_WEBHOOK_SECRET}"},
        **changes,
    }
    return manifest("ExtensionSync", "load", {name: value for name, value in spec.items() if value is not None})


PEOPLE = """id,name,age,since,active
p-1, Ada ,36,1815-12-10,true
p-2,Grace,85,1906-12-09T00:00:00+02:00,false
p-3,Edsger,,1930-05-11,
"""


def sync_project(
    root: Path,
    url: str,
    *more: Mapping[str, Any],
    people: str = PEOPLE,
    target: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Project:
    """A project with the extension, the job (``changes`` to its spec), and its source."""
    project = Project.create(root, url=url, target=target)
    project.environ["TEST_WEBHOOK_SECRET"] = SECRET
    project.put("all.yaml", extension(), job(**changes), *more)
    project.write("people.csv", people)
    return project


def records_of(project: Project) -> dict[str, Any]:
    """What the job remembers of its syncs."""
    path = project.state / "jobs" / "ExtensionSync-load" / "records.json"
    return dict(json.loads(path.read_bytes())["jobs"])


def stored(project: Project, emulator: RunningEmulator) -> dict[str, dict[str, Any]]:
    """What the extension holds, by id."""
    extension_id = project.entries["DataExtension/profile"]["id"]
    found = emulator.control("GET", f"extensions/{extension_id}/records")
    return {record["id"]: record for record in found["records"]}


def report_of(project: Project, *arguments: str, code: int = 0) -> dict[str, Any]:
    """The report of a run."""
    return dict(project.run("run", KEY, "--format", "json", *arguments).ok(code).json["jobs"][0])


def counts(report: dict[str, Any]) -> tuple[int, ...]:
    account = report["account"]
    assert account["balanced"]
    return tuple(account[name] for name in ("read", "accepted", "rejected", "quarantined", "pending"))


def audit(project: Project) -> list[dict[str, Any]]:
    lines = "".join(path.read_text() for path in sorted(project.state.glob("audit*"))).splitlines()
    return [entry for entry in map(json.loads, lines) if entry["action"].startswith("extension_sync")]


def complete(tenant: SyncTenant, job: str) -> None:
    """Fetch everything, take everything, and say so."""
    tenant.end(job, total=len(tenant.fetch(job)))
    assert tenant.deliver(job) == 200


def project_job(project: Project, **changes: Any) -> str:
    """The job's manifest as it stands in the project, with changes to its spec."""
    text = (project.root / "manifests" / "all.yaml").read_text().split("\n---\n")[1]
    made = json.loads(text)
    made["spec"] |= changes
    return json.dumps(made)
