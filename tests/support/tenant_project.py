"""A small project with something of everything that applying is about, on an emulator with a port."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx

from tests.support.emulator import RunningEmulator
from tests.support.kind_examples import CODE, EXAMPLES
from tests.support.project import Project, manifest, writes

DATASETS = "/api/v2/data-actions/datasets"
CONNECTORS = "/api/v2/crm/connectors"
ACTIONS = "/api/v2/data/actions"
STREAMS = "/api/v2/data-actions/streams"


def dataset(name: str, /, **changes: Any) -> dict[str, Any]:
    """A table that depends on nothing."""
    metadata = changes.pop("metadata", {})
    spec = {"description": "first", "primaryKey": "id", "columns": {"id": "string", "age": "number"}, **changes}
    return manifest("Dataset", name, spec, **metadata)


def connector(name: str, /, **changes: Any) -> dict[str, Any]:
    """A connector that is created in two steps and holds a secret."""
    return manifest("Connector", name, {**EXAMPLES["Connector"].spec, **changes})


def action(name: str, /, **changes: Any) -> dict[str, Any]:
    """An action with code, which needs a connector by reference where one is named."""
    return manifest("DataAction", name, {**EXAMPLES["DataAction"].spec, **changes})


def stream(name: str, action_name: str, /, **changes: Any) -> dict[str, Any]:
    """A stream, which needs an action."""
    return manifest("EventStream", name, {"actionRef": action_name, "eventTypes": ["call"], **changes})


@dataclass
class Setting:
    """A project and the tenant that it is for."""

    project: Project
    emulator: RunningEmulator

    @classmethod
    def make(cls, root: Path, emulator: RunningEmulator, **options: Any) -> Setting:
        """An empty tenant, and a project that declares nothing yet."""
        emulator.control("POST", "reset")
        project = Project.create(root, url=emulator.url, **options)
        project.environ["SECRET_ONE"] = "first-secret-value"
        project.write("code/index.js", CODE)
        return cls(project, emulator)

    def chain(self) -> None:
        """Declare a connector, an action that refers to it, a stream on top, and a table beside."""
        reference = {"CRM": "${ref:Connector/crm.id}", "KEY": "${secret:env:SECRET_ONE}"}
        self.project.put(
            "all.yaml",
            connector("crm"),
            action("enrich", environment=reference),
            stream("calls", "enrich"),
            dataset("beside"),
        )

    def live(self, kind: str) -> dict[str, dict[str, Any]]:
        """What is live of a kind, by name, with the write-only values under ``stored``."""
        return {item["name"]: item for item in self.emulator.control("GET", "state?secrets=true")["resources"][kind]}

    def tenant(self) -> dict[str, dict[str, dict[str, Any]]]:
        """All that is live, without ids, tags and times: two tenants with the same content are equal."""
        state = self.emulator.control("GET", "state?secrets=true")["resources"]
        names = {item["id"]: f"id of {kind} {item['name']}" for kind, items in state.items() for item in items}
        return {kind: {item["name"]: _named(item["stored"], names) for item in items} for kind, items in state.items()}

    def ledger(self) -> dict[str, Any]:
        """The ledger's entries with ids as names, without fingerprints, which are salted, and without what was seen under which tag."""
        state = self.emulator.control("GET", "state")["resources"]
        names = {item["id"]: f"id of {kind} {item['name']}" for kind, items in state.items() for item in items}
        entries = {
            key: {name: value for name, value in entry.items() if name != "etag"}
            for key, entry in self.project.entries.items()
        }
        return dict(_named(entries, names))

    def edit(self, kind: str, name: str, **patch: Any) -> None:
        """Change a resource in the console."""
        self.emulator.control("POST", "edit", {"kind": kind, "name": name, "patch": patch, "by": "maria@console"})

    def remove(self, kind: str, name: str) -> None:
        """Delete a resource in the console."""
        self.emulator.control("POST", "delete", {"kind": kind, "name": name})

    def fault(self, method: str, path: str, times: int | None = None, **effect: Any) -> None:
        """Spoil requests."""
        rule: dict[str, Any] = {"match": {"method": method, "path": path}, "effect": effect}
        if times is not None:
            rule["times"] = times
        self.emulator.control("POST", "faults", {"rules": [rule]})

    def heal(self) -> None:
        """No more faults."""
        self.emulator.control("DELETE", "faults")

    @property
    def mark(self) -> int:
        """The number of the newest request so far."""
        found = self.emulator.requests()
        return int(found[-1]["seq"]) if found else 0

    def writes(self, since: int = 0) -> list[str]:
        """The writes that arrived since."""
        return writes(self.emulator.requests(since))

    def create(self, collection: str, body: dict[str, Any]) -> dict[str, Any]:
        """Create a resource as somebody else would, through the API."""
        with self.emulator.client() as client:
            answer: httpx.Response = client.post(collection, json=body)
            assert answer.status_code == 201, answer.text
            return dict(answer.json())


def _named(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _named(item, names) for key, item in value.items() if key != "fingerprint"}
    if isinstance(value, list):
        return [_named(item, names) for item in value]
    return names.get(value, value) if isinstance(value, str) else value
