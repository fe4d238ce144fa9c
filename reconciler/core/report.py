"""What became of a plan: an outcome for every change, and the account that text, JSON and the exit code share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from reconciler.core.diagnostic import Mark
from reconciler.core.exchange import Outcome
from reconciler.core.plan import Acknowledged, Action, Header
from reconciler.core.planfile import (
    acknowledged_from_json,
    acknowledged_to_json,
    header_from_json,
    header_to_json,
    mark_from_text,
)
from reconciler.core.resource import Key

FORMAT_VERSION = "1.1"
"""Major and minor version of the report's JSON. 1.0 had neither ``header``, ``acknowledged`` nor a result's ``source``."""

Verdict = Literal["nothing", "applied", "partial", "failed", "stale", "denied", "interrupted"]


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of one change.

    ``message`` and ``fix`` explain what was not applied, ``because`` names the key that a skipped change waited for, ``code`` is
    the error's. ``mark`` is where the change is declared.
    """

    key: Key
    action: Action
    outcome: Outcome
    resource_id: str = ""
    code: str = ""
    message: str = ""
    fix: str = ""
    because: Key | None = None
    mark: Mark | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of a run. ``diverged`` are keys whose read-back is not as planned; ``signal`` a signal's number or 0.

    ``header`` is that of the plan which was applied, ``acknowledged`` what was accepted in it although a guard does not.
    """

    results: tuple[Result, ...] = ()
    diverged: tuple[tuple[Key, str], ...] = ()
    signal: int = 0
    requests: Mapping[str, int] = field(default_factory=dict)
    header: Header = field(default_factory=Header)
    acknowledged: tuple[Acknowledged, ...] = ()

    def count(self, outcome: Outcome) -> int:
        """How many changes ended with an outcome."""
        return sum(1 for result in self.results if result.outcome == outcome)

    @property
    def verdict(self) -> Verdict:
        """One word for the run; the exit code follows from it and from nothing else."""
        if self.signal:
            return "interrupted"
        if not self.results:
            return "nothing"
        applied = self.count("applied")
        if applied == len(self.results):
            return "partial" if self.diverged else "applied"
        if applied:
            return "partial"
        if any(result.code.startswith("A") for result in self.results):
            return "denied"
        return "stale" if self.count("stale") and not self.count("failed") + self.count("unknown") else "failed"


def account(report: Report) -> str:
    """The one-line account that ends every run."""
    parts = [f"{report.count('applied')} applied"]
    others: tuple[Outcome, ...] = ("stale", "failed", "skipped", "unknown")
    parts += [f"{count} {name}" for name in others if (count := report.count(name))]
    if report.diverged:
        parts.append(f"{len(report.diverged)} not converged")
    return ", ".join(parts)


def report_to_json(report: Report) -> dict[str, Any]:
    """The report as JSON (schemas/report.json)."""
    return {
        "format_version": FORMAT_VERSION,
        "verdict": report.verdict,
        "account": account(report),
        "header": header_to_json(report.header),
        "results": [result_to_json(item) for item in report.results],
        "acknowledged": acknowledged_to_json(report.acknowledged),
        "diverged": [{"key": str(key), "message": message} for key, message in report.diverged],
        "signal": report.signal,
        "requests": dict(sorted(report.requests.items())),
    }


def result_to_json(result: Result) -> dict[str, Any]:
    """One outcome as JSON; also one event of ``apply --format json``."""
    return {
        "key": str(result.key),
        "action": result.action,
        "outcome": result.outcome,
        "id": result.resource_id,
        "code": result.code,
        "message": result.message,
        "fix": result.fix,
        "because": str(result.because) if result.because else None,
        "source": str(result.mark) if result.mark else None,
    }


def report_from_json(data: Mapping[str, Any]) -> Report:
    """Read a report back; raises `ValueError` where the JSON is not a report of a version that this tool reads."""
    if str(data.get("format_version", "")).partition(".")[0] != "1":
        raise ValueError(f"format_version {data.get('format_version')!r} is not {FORMAT_VERSION}")
    try:
        return Report(
            tuple(_result_from_json(item) for item in data["results"]),
            tuple((Key.parse(item["key"]), str(item["message"])) for item in data["diverged"]),
            int(data["signal"]),
            {str(name): int(count) for name, count in data["requests"].items()},
            header_from_json(data["header"]) if "header" in data else Header(),
            acknowledged_from_json(data.get("acknowledged", ())),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a report that this tool wrote: {error}") from error


def _result_from_json(item: Mapping[str, Any]) -> Result:
    if item["outcome"] not in get_args(Outcome) or item["action"] not in get_args(Action):
        raise ValueError(f"unknown outcome {item['outcome']!r} or action {item['action']!r}")
    return Result(
        Key.parse(item["key"]),
        item["action"],
        item["outcome"],
        str(item["id"]),
        str(item["code"]),
        str(item["message"]),
        str(item["fix"]),
        Key.parse(item["because"]) if item["because"] else None,
        mark_from_text(item["source"]) if item.get("source") else None,
    )
