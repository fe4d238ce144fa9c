"""The name of a pipeline run, as its CI system gives it."""

import pytest

from reconciler.engine.pipeline import in_pipeline, pipeline_run

GITHUB = {"GITHUB_SERVER_URL": "https://github.example", "GITHUB_REPOSITORY": "desk/cxone", "GITHUB_RUN_ID": "7"}


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({}, ""),
        (GITHUB, "https://github.example/desk/cxone/actions/runs/7"),
        (GITHUB | {"GITHUB_RUN_ATTEMPT": "1"}, "https://github.example/desk/cxone/actions/runs/7"),
        (GITHUB | {"GITHUB_RUN_ATTEMPT": "3"}, "https://github.example/desk/cxone/actions/runs/7/attempts/3"),
        ({"GITHUB_RUN_ID": "7"}, "GitHub run 7"),
        ({"CI_JOB_URL": "https://gitlab.example/desk/-/jobs/7"}, "https://gitlab.example/desk/-/jobs/7"),
        (
            {
                "SYSTEM_TEAMFOUNDATIONCOLLECTIONURI": "https://dev.azure.example/desk/",
                "SYSTEM_TEAMPROJECT": "cxone",
                "BUILD_BUILDID": "7",
            },
            "https://dev.azure.example/desk/cxone/_build/results?buildId=7",
        ),
        ({"BUILD_URL": "https://ada:hidden@jenkins.example:8443/job/7/"}, "https://jenkins.example:8443/job/7/"),
        ({"BUILD_URL": "https://ada:hidden@[jenkins/job/7/"}, ""),
        ({"CIRCLE_BUILD_URL": "https://circle.example/7"}, "https://circle.example/7"),
        ({"BUILDKITE_BUILD_URL": "https://kite.example/7"}, "https://kite.example/7"),
        ({"BUILD_URL": "x" * 1000}, "x" * 300),
    ],
)
def test_the_run_is_named_without_credentials(environ: dict[str, str], name: str) -> None:
    assert pipeline_run(environ) == name


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, False),
        ({"CI": ""}, False),
        ({"CI": "false"}, False),
        ({"CI": "true"}, True),
        ({"CI": "1"}, True),
        (GITHUB, True),
    ],
)
def test_a_ci_job_is_known_by_its_variables(environ: dict[str, str], expected: bool) -> None:
    assert in_pipeline(environ) is expected
