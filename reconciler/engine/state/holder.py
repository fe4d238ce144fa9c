"""Who holds or froze a ledger: the note that a store keeps about it, for everybody who is kept out."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.engine.clock import now, stamp
from reconciler.engine.pipeline import pipeline_run

NOBODY_KNOWN = "somebody"


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the lease, what for, and since when (RFC 3339). ``frozen`` is a freeze by hand, not a running command.

    ``process`` is the holder's process id on its machine, 0 where there is none to name; ``run`` the pipeline run that it
    belongs to; ``expires`` when the lease ends by itself unless it is renewed (RFC 3339, empty for never), and ``lapsed``
    whether that seems to be past.
    """

    owner: str
    purpose: str
    since: str
    frozen: bool = False
    process: int = 0
    run: str = ""
    expires: str = ""
    lapsed: bool = False

    def __str__(self) -> str:
        how = "frozen" if self.frozen else "held"
        process = f" (process {self.process})" if self.process else ""
        run = f" in {self.run}" if self.run else ""
        text = f"{how} by {self.owner}{process}{run} since {self.since} ({self.purpose})"
        if self.lapsed:
            return f"{text}; its lease ran out at {self.expires}"
        return f"{text}; its lease runs until {self.expires} unless it is renewed" if self.expires else text


def holder_here(owner: str, purpose: str, *, frozen: bool = False) -> Holder:
    """The note about this very process, or about the freeze that it makes."""
    process = 0 if frozen else os.getpid()
    return Holder(owner, purpose, stamp(now()), frozen, process, pipeline_run(os.environ))


def holder_to_json(holder: Holder) -> dict[str, Any]:
    """A note as JSON."""
    return {
        "owner": holder.owner,
        "purpose": holder.purpose,
        "since": holder.since,
        "process": holder.process,
        "run": holder.run,
    }


def holder_from_json(data: Any, *, frozen: bool) -> Holder:
    """Read a note. One that cannot be read still stands for somebody."""
    try:
        note = data if isinstance(data, Mapping) else {}
        owner, purpose, since = (str(note[name]) for name in ("owner", "purpose", "since"))
        return Holder(owner, purpose, since, frozen, int(note.get("process", 0)), str(note.get("run", "")))
    except (ValueError, KeyError, TypeError):
        return Holder(NOBODY_KNOWN, "unreadable note", "an unknown time", frozen)


def parse_holder(data: bytes, *, frozen: bool) -> Holder:
    """Read a note's bytes."""
    try:
        return holder_from_json(json.loads(data), frozen=frozen)
    except ValueError:
        return holder_from_json(None, frozen=frozen)
