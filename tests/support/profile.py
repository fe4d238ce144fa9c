"""How much the tests try: little enough for every change, or all that acceptance asks for."""

from __future__ import annotations

import os
from typing import Final

from hypothesis import settings

ACCEPTANCE: Final = os.environ.get("RECONCILER_TEST_PROFILE") == "acceptance"
"""Whether the sizes are those that the promises are made for (`make acceptance`), and not those of every change."""


def share(part: float) -> settings:
    """Settings with a part of the profile's examples, for a test of which each example costs much."""
    return settings(max_examples=max(10, round(settings.default.max_examples * part)))
