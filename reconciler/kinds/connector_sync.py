"""ConnectorSync: a job that has a connector synchronise with its CRM, and waits for the result (contract: Operations)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from reconciler.core.kind import Finding, Kind, Lookup, Reference
from reconciler.kinds.parts.base import LocalSpec, Name, Part
from reconciler.kinds.parts.findings import find, gathered


class Poll(Part):
    """How the job asks whether the tenant is done: min(base × 2^attempt + up to 1 s, cap)."""

    base_delay_seconds: Annotated[float, Field(gt=0, le=3600)] = Field(
        default=2.0, description="Seconds before the second question; doubled each time."
    )
    cap_seconds: Annotated[float, Field(gt=0, le=3600)] = Field(
        default=30.0, description="Seconds between two questions at most."
    )
    attempts: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=12, description="Questions at most; then the job fails and the synchronisation goes on by itself."
    )


class ConnectorSyncSpec(LocalSpec):
    """Which connector synchronises, how much of it, and how long to wait."""

    connector_ref: Name = Field(
        description="The name of the Connector manifest that synchronises.", examples=["customer-crm"]
    )
    sync_type: Literal["FULL", "INCREMENTAL"] = Field(
        default="INCREMENTAL", description="Everything, or what changed since the last synchronisation."
    )
    poll: Poll = Field(default_factory=Poll, description="How the job asks whether the tenant is done.")


def check(spec: ConnectorSyncSpec, lookup: Lookup) -> list[Finding]:
    """The delays make sense, and the connector is meant to be active."""
    return gathered(lambda: _delays(spec.poll), lambda: _activity(spec, lookup))


def _delays(poll: Poll) -> Iterator[Finding]:
    if poll.cap_seconds < poll.base_delay_seconds:
        yield Finding(
            ("poll", "capSeconds"),
            f"the cap of {poll.cap_seconds:g} s is below the first delay of {poll.base_delay_seconds:g} s",
            f"write {poll.base_delay_seconds:g} or more",
        )


def _activity(spec: ConnectorSyncSpec, lookup: Lookup) -> Iterator[Finding]:
    connector = find(lookup, spec.connector_ref, "Connector")
    if connector is not None and connector.lifecycle_status != "ACTIVE":
        state = connector.lifecycle_status or "not declared"
        yield Finding(
            ("connectorRef",),
            f"only active connectors synchronise, and the lifecycleStatus of Connector/{spec.connector_ref} is {state}",
            "write 'lifecycleStatus: ACTIVE' in the connector",
            "warning",
        )


KIND = Kind(
    name="ConnectorSync",
    kind_class="job",
    spec=ConnectorSyncSpec,
    summary="A job: has a connector synchronise with its CRM and waits for the result.",
    required=frozenset({"connectorRef"}),
    references=(Reference("connectorRef", ("Connector",)),),
    check=check,
)
