"""The pipeline run that a command belongs to, so that locks and logs can name it. Nothing is asked but the environment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit, urlunsplit

_Environ = Mapping[str, str]


def _github(environ: _Environ) -> str:
    server, repository, run = (environ.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID"))
    if not run:
        return ""
    if not server or not repository:
        return f"GitHub run {run}"
    attempt = environ.get("GITHUB_RUN_ATTEMPT", "1")
    return f"{server}/{repository}/actions/runs/{run}" + (f"/attempts/{attempt}" if attempt != "1" else "")


def _azure(environ: _Environ) -> str:
    base, project, build = (
        environ.get(name, "") for name in ("SYSTEM_TEAMFOUNDATIONCOLLECTIONURI", "SYSTEM_TEAMPROJECT", "BUILD_BUILDID")
    )
    return f"{base.rstrip('/')}/{project}/_build/results?buildId={build}" if base and project and build else ""


def _variable(name: str) -> Callable[[_Environ], str]:
    return lambda environ: environ.get(name, "")


_SYSTEMS = (
    _github,
    _variable("CI_JOB_URL"),  # GitLab
    _azure,
    _variable("BUILDKITE_BUILD_URL"),
    _variable("CIRCLE_BUILD_URL"),
    _variable("BUILD_URL"),  # Jenkins
)

_MOST = 300
"""Characters of a run's name that are kept: it is shown, and it is not ours."""


def pipeline_run(environ: _Environ) -> str:
    """The URL or name of the pipeline run, as its CI system gives it; empty outside of one that we know."""
    found = next((text for system in _SYSTEMS if (text := system(environ))), "")
    return _without_credentials(found)[:_MOST]


def in_pipeline(environ: _Environ) -> bool:
    """Whether this is a CI job, whose disk is gone when it ends: ``CI`` is what all systems set."""
    return environ.get("CI", "").lower() not in ("", "0", "false", "no") or bool(pipeline_run(environ))


def _without_credentials(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])) if "@" in parts.netloc else url
