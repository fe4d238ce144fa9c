"""Shared set-up of all tests: bounded, repeatable Hypothesis profiles and an environment free of the user's own settings."""

import os

import pytest
from hypothesis import HealthCheck, settings

# In CI the same examples every time: a change is judged by what it does, new examples are looked for everywhere else.
settings.register_profile(
    "default",
    max_examples=60,
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("acceptance", max_examples=3000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("RECONCILER_TEST_PROFILE", "default"))


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of the machine changes what a test sees."""
    for name in [key for key in os.environ if key.startswith(("RECONCILER_", "CXONE_", "VAULT_", "AWS_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NO_COLOR", "1")
