"""A project with one sink, the tenant that it reads from, and the table that it writes to."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.postgres import rows
from tests.support.project import CLIENT_SECRET, Project, Ran, manifest
from tests.support.sink import SCHEMA, expected
from tests.support.sink_tenant import Tenant, tenant

KEY = "StreamSink/calls"
TABLE = {
    "name": "events",
    "columns": {
        "idempotencyKey": {"type": "text", "name": "key"},
        "timestamp": {"type": "timestamptz", "name": "at", "nullable": False},
        "type": {"type": "text", "name": "channel"},
        "attributes.duration": "integer",
        "attributes.queueName": "text",
    },
    "conflictKey": "idempotencyKey",
    "orderBy": "timestamp",
}


@dataclass
class Setting:
    """The three of them."""

    project: Project
    tenant: Tenant
    url: str

    @classmethod
    def make(cls, root: Path, tenant: Tenant, url: str, **spec: Any) -> Setting:
        """Declare the stream and its action, which are in the tenant already, and the sink."""
        project = Project.create(root, url=tenant.emulator.url)
        project.environ["SINK_URL"] = url
        project.write("code/index.js", "module.exports = async () => ({});")
        shape = {"properties": {}}
        action = {"runtime": "nodejs18", "code": {"path": "code"}, "inputs": shape, "outputs": shape}
        sink = {
            "streamRef": "calls",
            "eventSchema": SCHEMA,
            "database": "${secret:env:SINK_URL}",
            "table": TABLE,
            "batch": {"maxEvents": 200, "maxSeconds": 0.1},
            "deadLetter": {"table": "events_rejected"},
            **spec,
        }
        project.put(
            "all.yaml",
            manifest("DataAction", "calls-action", action),
            manifest("EventStream", "calls", {"actionRef": "calls-action", "eventTypes": ["call"]}),
            manifest("StreamSink", "calls", sink),
        )
        return cls(project, tenant, url)

    def run(self, *arguments: str) -> Ran:
        """Run the sink in this process, to its end."""
        return self.project.run("run", KEY, *arguments)

    def account(self, ran: Ran) -> dict[str, Any]:
        """The account of a run with ``--format json``."""
        return dict(ran.json["jobs"][0]["account"])

    def stored(self) -> dict[str, tuple[Any, ...]]:
        """The table: key → time and duration."""
        return {row[0]: row[1:] for row in rows(self.url, "SELECT key, at, duration FROM events")}

    def letters(self) -> set[str]:
        """The raw events of the dead letters."""
        found = [row[0] for row in rows(self.url, "SELECT event FROM events_rejected")]
        assert len(found) == len(set(found))
        return set(found)

    def holds(self, events: Sequence[Any]) -> None:
        """Every valid key exactly once with its newest value, every invalid event in the dead letters."""
        table, dead = expected(events)
        assert self.stored() == table
        assert {_plain(text) for text in self.letters()} == {_plain(text) for text in dead}


def _plain(text: str) -> str:
    """A raw event without what writing it anew would change."""
    try:
        return json.dumps(json.loads(text), sort_keys=True)
    except ValueError:
        return text


@contextmanager
def setting(root: Path, url: str, **spec: Any) -> Iterator[Setting]:
    """A sink on an emulator in a thread of this process."""
    with tenant() as there:
        yield Setting.make(root, there, url, **spec)


__all__ = ["CLIENT_SECRET", "KEY", "Setting", "setting"]
