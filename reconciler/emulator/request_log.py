"""The log of requests that ``GET /_emulator/log`` answers from: bounded, in memory."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

CAPACITY = 100_000
"""Entries kept; the oldest go first."""


@dataclass(slots=True)
class Entry:
    """One request. ``status`` stays None when no answer was given; ``at`` is RFC 3339."""

    seq: int
    method: str
    path: str
    query: str
    request_id: str
    at: str
    status: int | None = None
    client_id: str | None = None

    def as_json(self) -> dict[str, object]:
        """Give the entry as the contract has it."""
        return {
            "seq": self.seq,
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "status": self.status,
            "requestId": self.request_id,
            "clientId": self.client_id,
            "at": self.at,
        }


class RequestLog:
    """Requests in the order of their arrival, numbered from 1."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=CAPACITY)
        self._seq = 0

    def open(self, method: str, path: str, query: str, request_id: str, at: str) -> Entry:
        """Add an entry for a request that has just come; its status is filled in later."""
        self._seq += 1
        entry = Entry(self._seq, method, path, query, request_id, at)
        self._entries.append(entry)
        return entry

    def since(self, seq: int) -> list[Entry]:
        """Give the entries with a number above ``seq``."""
        return [entry for entry in self._entries if entry.seq > seq]

    def clear(self) -> None:
        """Drop the entries; numbering goes on."""
        self._entries.clear()
