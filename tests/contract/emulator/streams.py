"""What tests of streams publish, and to which stream."""

from __future__ import annotations

from typing import Any

from tests.support.emulator import RunningEmulator


def event(number: int, **more: Any) -> dict[str, Any]:
    """An event as the seeds have it; ``more`` replaces members."""
    fields = {"interactionId": f"i-{number}", "timestamp": "2026-01-02T03:04:05.678Z", "type": "call"}
    return fields | {"idempotencyKey": f"k-{number}", "attributes": {"duration": number}} | more


def publish(emulator: RunningEmulator, id_: str, *events: Any) -> dict[str, Any]:
    """Publish events to a stream, and give what the control answers."""
    return dict(emulator.control("POST", f"streams/{id_}/events", {"events": events}))
