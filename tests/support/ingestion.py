"""A dataset, an ingestion that fills it, files in every format, and what is live afterwards."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from tests.support.emulator import RunningEmulator
from tests.support.project import Project, Ran, manifest
from tests.support.tenant_project import Setting

COLUMNS: dict[str, Any] = {
    "id": {"type": "string", "maxLength": 12},
    "name": {"type": "string", "maxLength": 20},
    "age": "number",
    "active": "boolean",
    "since": "date",
}
RECORDS = "/api/v2/data-actions/datasets/*/records"


def tickets(count: int, start: int = 0) -> list[dict[str, Any]]:
    """Records that are right, as a JSON source has them."""
    return [
        {
            "id": f"T-{number:06}",
            "name": f"ticket {number}",
            "age": number,
            "active": number % 2 == 0,
            "since": f"2026-{1 + number % 12:02}-{1 + number % 28:02}",
        }
        for number in range(start, start + count)
    ]


def live_form(record: Mapping[str, Any]) -> dict[str, Any]:
    """A right record as the tenant has it afterwards."""
    since = record["since"]
    return {**record, "since": since if since is None or "T" in since else f"{since}T00:00:00.000Z"}


def csv_text(records: Sequence[Mapping[str, Any]], columns: Sequence[str] = tuple(COLUMNS)) -> str:
    """Records as CSV: null is an empty field, booleans are small letters."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    for record in records:
        writer.writerow([_field(record.get(name)) for name in columns])
    return out.getvalue()


def _field(value: Any) -> str:
    if value is None:
        return ""
    return json.dumps(value) if isinstance(value, bool) else str(value)


def write_source(path: Path, form: str, records: Sequence[Mapping[str, Any]]) -> Path:
    """Write records in a format; a name that ends in .gz is compressed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if form == "parquet":
        pl.DataFrame(list(records), schema_overrides={"age": pl.Int64}).write_parquet(path, row_group_size=700)
        return path
    text = {
        "csv": csv_text,
        "ndjson": lambda items: "".join(json.dumps(item) + "\n" for item in items),
        "json": lambda items: json.dumps(list(items), indent=1),
    }[form](records)
    data = text.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@dataclass
class Ingesting:
    """A project with one dataset and one ingestion, and the tenant that it is for."""

    setting: Setting

    @classmethod
    def make(cls, root: Path, emulator: RunningEmulator, columns: Mapping[str, Any] = COLUMNS) -> Ingesting:
        """Declare the dataset and apply it."""
        made = cls(Setting.make(root, emulator))
        made.project.put("tables.yaml", manifest("Dataset", "tickets", {"primaryKey": "id", "columns": dict(columns)}))
        made.declare()
        made.project.apply()
        return made

    @property
    def project(self) -> Project:
        """The project."""
        return self.setting.project

    @property
    def emulator(self) -> RunningEmulator:
        """The tenant."""
        return self.setting.emulator

    def declare(self, path: str = "data/*.csv", form: str = "csv", **spec: Any) -> None:
        """Write the job's manifest."""
        body = {"datasetRef": "tickets", "source": {"path": path, "format": form}, "maxRejectedPercent": 100, **spec}
        self.project.put("jobs.yaml", manifest("Ingestion", "load", body))

    def source(self, records: Sequence[Mapping[str, Any]], form: str = "csv", name: str = "") -> Path:
        """Write a source, by default where the manifest looks for it."""
        return write_source(self.project.root / "data" / (name or f"tickets.{form}"), form, records)

    def text(self, text: str | bytes, name: str = "tickets.csv") -> Path:
        """Write a source byte by byte."""
        path = self.project.root / "data" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def run(self, *options: str, code: int = 0) -> dict[str, Any]:
        """Run the job, which must end with ``code``; gives its report."""
        return report_of(self.project.run("run", "Ingestion/load", "--format", "json", *options).ok(code))

    @property
    def dataset(self) -> str:
        """The dataset's id."""
        return str(self.project.entries["Dataset/tickets"]["id"])

    @property
    def live(self) -> dict[str, dict[str, Any]]:
        """The records in the tenant, by key."""
        stored = self.emulator.control("GET", f"datasets/{self.dataset}/records")["records"]
        found = {record["id"]: record for record in stored}
        assert len(found) == len(stored)
        return found

    @property
    def quarantined(self) -> list[dict[str, Any]]:
        """The lines of the quarantine file."""
        return lines_of(self.project.root / ".reconciler" / "quarantine" / "load.ndjson")


def lines_of(path: Path) -> list[dict[str, Any]]:
    """The lines of an NDJSON file; none where there is no file."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def report_of(ran: Ran) -> dict[str, Any]:
    """The report of the one job that a command ran."""
    [job] = ran.json["jobs"]
    return dict(job)


def account(read: int, accepted: int, rejected: int = 0, quarantined: int = 0, pending: int = 0) -> dict[str, Any]:
    """An account that adds up."""
    counts = {"read": read, "accepted": accepted, "rejected": rejected, "quarantined": quarantined, "pending": pending}
    assert read == accepted + rejected + quarantined + pending
    return {**counts, "balanced": True}
