"""EventStream: interaction events to be consumed over a WebSocket, enriched by a data action (contract: Resources)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from reconciler.core.kind import Finding, Kind, Lookup, Reference, Wire
from reconciler.kinds.parts.base import Name, Spec
from reconciler.kinds.parts.findings import repeated

EventType = Literal["call", "chat", "email", "callback"]


class EventStreamSpec(Spec):
    """Which events a stream carries and which action enriches them."""

    action_ref: Name = Field(
        description="The name of the DataAction manifest that enriches the events.", examples=["enrich-caller"]
    )
    event_types: list[EventType] | None = Field(
        default=None,
        description="The kinds of interaction whose events it carries. Their order has no meaning.",
        examples=[["call", "chat"]],
    )
    status: Literal["ACTIVE", "PAUSED"] | None = Field(
        default=None, description="Whether consumers can connect.", examples=["ACTIVE"]
    )


def check(spec: EventStreamSpec, _lookup: Lookup) -> list[Finding]:
    """No event type twice: the API refuses that."""
    return [
        Finding(("eventTypes", index), f"{name!r} is listed twice", "remove one of the two")
        for index, _, name in repeated(spec.event_types or [])
    ]


KIND = Kind(
    name="EventStream",
    kind_class="resource",
    spec=EventStreamSpec,
    summary="Interaction events to be consumed over a WebSocket, enriched by a data action.",
    wire=Wire(
        collection="/api/v2/data-actions/streams",
        read_scopes=("data-actions:read",),
        write_scopes=("data-actions:write",),
    ),
    read_only=frozenset({"id", "etag", "createdTime", "lastModifiedTime", "lastModifiedBy"}),
    required=frozenset({"name", "actionId"}),
    defaults={"eventTypes": [], "status": "ACTIVE"},
    sets=frozenset({"eventTypes"}),
    references=(Reference("actionRef", ("DataAction",), wire_field="actionId"),),
    check=check,
)
