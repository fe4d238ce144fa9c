"""One command line of the reconciler, with what its apply alone took; run by `apply.py` in a process of its own.

``python apply_timed.py FILE apply --yes ...`` runs the command as it is and writes JSON to the file: wall and processor seconds from
the moment at which the plan is agreed to until the report (so with preparing, journal, ledger, audit log and read-back, without
starting, loading and planning), the writes of the plan, the longest chain among them, and the attempts made by method.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from reconciler.cli.main import main
from reconciler.core.plan import Change, Plan
from reconciler.core.report import Report
from reconciler.core.resource import Key
from reconciler.engine.runner import Runner


def longest_chain(changes: Sequence[Change]) -> int:
    """Requests of the longest chain of changes that wait for each other."""
    by_key = {change.key: change for change in changes}
    known: dict[Key, int] = {}

    def until(key: Key) -> int:
        if key not in known:
            change = by_key[key]
            known[key] = len(change.steps) + max((until(item) for item in change.after if item in by_key), default=0)
        return known[key]

    return max((until(key) for key in by_key), default=0)


def time_to(file: Path) -> None:
    """From now on write down what applying a plan takes."""
    carry_out = Runner.apply

    async def apply(self: Runner, plan: Plan) -> Report:
        before = dict(self.client.requests_by_method)
        wall, cpu = time.perf_counter(), time.process_time()
        report = await carry_out(self, plan)
        seconds, cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
        attempts = {method: count - before.get(method, 0) for method, count in self.client.requests_by_method.items()}
        found = {
            "seconds": seconds,
            "cpu": cpu_seconds,
            "writes": sum(len(change.steps) for change in plan.changes),
            "chain": longest_chain(plan.changes),
            "attempts": attempts,
            "diverged": len(report.diverged),
        }
        file.write_text(json.dumps(found), encoding="utf-8")  # noqa: ASYNC240 - behind what is measured
        return report

    Runner.apply = apply  # type: ignore[method-assign]


if __name__ == "__main__":
    time_to(Path(sys.argv.pop(1)))
    main()
