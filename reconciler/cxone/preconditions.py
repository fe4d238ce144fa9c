"""What a write says of the state that its writer has seen (contract: Common rules)."""

from __future__ import annotations

from reconciler.core.kind import Kind
from reconciler.core.resource import Pin
from reconciler.cxone.routes import wire_of


def precondition(kind: Kind, pin: Pin) -> dict[str, str]:
    """The ``If-Match`` of a write. Raises ValueError for a pin that holds nothing to match.

    Style ``version`` is a precondition only for kinds that have a version; for others, and in style ``compare``, the caller
    compares just before it writes.
    """
    if pin.style == "compare" or (pin.style == "version" and not wire_of(kind).version_field):
        return {}
    if pin.style == "absent" or not pin.value:
        raise ValueError(
            f"a write to an existing {kind.name} needs the state that was seen, not a pin of style {pin.style}"
        )
    return {"If-Match": f'"{pin.value}"'}
