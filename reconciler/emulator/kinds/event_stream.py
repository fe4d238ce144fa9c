"""EventStream: interaction events, enriched by a data action, to be consumed over a WebSocket (contract: Resources)."""

from __future__ import annotations

from reconciler.emulator.fields import Choice, Doc, ListOf, Member, Record, Text, optional
from reconciler.emulator.kind import DESCRIPTION, NAME, Kind, Sampling

EVENT_TYPES = ("call", "chat", "email", "callback")


def _sample(sampling: Sampling) -> Doc:
    random = sampling.random
    types = [event for event in EVENT_TYPES if random.random() < 0.6] or ["call"]
    return {
        "name": f"{types[0]}-events-{sampling.index:05d}",
        "description": f"{', '.join(types)} interactions for the warehouse",
        "actionId": random.choice(sampling.ids["DataAction"]),
        "eventTypes": types,
        "status": random.choice(("ACTIVE", "ACTIVE", "ACTIVE", "PAUSED")),
    }


KIND = Kind(
    name="EventStream",
    id_prefix="s",
    collection="/api/v2/data-actions/streams",
    read_scopes=frozenset({"data-actions:read"}),
    write_scopes=frozenset({"data-actions:write"}),
    record=Record(
        {
            "name": Member(NAME, required=True),
            "description": DESCRIPTION,
            "actionId": Member(Text(1, 64), required=True, description="id of an existing data action"),
            "eventTypes": Member(ListOf(Choice(EVENT_TYPES), unique=True), default=list),
            "status": optional(Choice(("ACTIVE", "PAUSED")), "ACTIVE"),
        }
    ),
    references={"actionId": "DataAction"},
    sample=_sample,
    share=10,
)
