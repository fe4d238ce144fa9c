"""What applying takes, counted before anything is sent: requests, and seconds at the target's limit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from math import ceil
from typing import Final

from reconciler.core.plan import Change, Cost

READ_BACK_LISTS_FROM: Final = 20
"""From this many touched resources of a kind on, listing it costs less than asking for each."""


def cost_of(changes: Iterable[Change], live: Mapping[str, int], *, rate: float, page_size: int) -> Cost:
    """The writes, a comparison before each where the API has no ETag, and reading back what was written.

    ``live`` counts what is live now by kind, of which listings are as long; ``rate`` is the target's limit in requests a second
    (0: none), ``page_size`` the resources on a page. Repeats of what fails are not foreseen, nor is the listing that comes
    before any apply.
    """
    requests = 0
    touched: Counter[str] = Counter()
    grown: Counter[str] = Counter(live)
    for change in changes:
        if not change.steps:
            continue
        requests += len(change.steps) * (2 if change.pin.best_effort else 1)
        touched[change.key.kind] += 1
        grown[change.key.kind] += {"create": 1, "delete": -1}.get(change.action, 0)
    for kind, count in touched.items():
        requests += count if count < READ_BACK_LISTS_FROM else max(1, ceil(grown[kind] / page_size))
    return Cost(requests, round(requests / rate, 1) if rate else 0.0)
