"""Shared set-up of all tests: bounded, repeatable Hypothesis profiles and an environment free of the user's own settings."""

import os

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.support.profile import ACCEPTANCE

# In CI the same examples every time: a change is judged by what it does, new examples are looked for everywhere else.
settings.register_profile(
    "default",
    max_examples=40,
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("acceptance", max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
# Tests that thousands of mutants run: few examples, always the same, and none made smaller once one fails.
settings.register_profile(
    "mutation",
    max_examples=5,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
settings.load_profile(os.environ.get("RECONCILER_TEST_PROFILE", "default"))
if ACCEPTANCE:
    # Here a test may take many minutes without waiting for what never comes.
    os.environ.setdefault("PYTEST_TIMEOUT", "3600")


_OWN = ("RECONCILER_", "CXONE_", "VAULT_", "AWS_")
_PIPELINE = (
    "CI",
    "GITHUB_RUN_ID",
    "CI_JOB_URL",
    "BUILD_BUILDID",
    "BUILDKITE_BUILD_URL",
    "CIRCLE_BUILD_URL",
    "BUILD_URL",
)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of the machine changes what a test sees."""
    for name in [key for key in os.environ if key.startswith(_OWN) or key in _PIPELINE]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NO_COLOR", "1")
