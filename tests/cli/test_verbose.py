"""How much ``-v``, ``-vv`` and ``-vvv`` tell, and that all of it goes to stderr."""

import pytest

from tests.support.project import Project


def lines(ran):
    """What stderr has of each level: lines for requests, headers, bodies."""
    said = ran.err.splitlines()
    headers = [line for line in said if line.startswith(("  > ", "  < ")) and ": " in line and '{"' not in line]
    return (
        [line for line in said if " → 200 in " in line],
        headers,
        [line for line in said if line.startswith(("  > {", "  < {"))],
    )


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ((), (False, False, False)),
        (("-v",), (True, False, False)),
        (("-vv",), (True, True, False)),
        (("-vvv",), (True, True, True)),
    ],
)
def test_each_level_adds_to_the_one_before(
    project: Project, flags: tuple[str, ...], expected: tuple[bool, ...]
) -> None:
    ran = project.run("plan", *flags).ok()
    assert tuple(bool(found) for found in lines(ran)) == expected
    assert ran.out.startswith("1 to create")
    assert " → " not in ran.out


def test_headers_are_told_without_the_token(project: Project) -> None:
    _, headers, _ = lines(project.run("plan", "-vv").ok())
    assert "  > Authorization: (secret)" in headers
    assert "  < content-type: application/json" in headers


def test_a_token_request_is_told_without_its_bodies(project: Project) -> None:
    said = project.run("plan", "-vvv").ok().err
    assert "not shown: they are about a token" in said
    assert "access_token" not in said
    assert "grant_type" not in said


def test_help_says_what_each_level_adds() -> None:
    from tests.support.project import run

    text = " ".join(run("plan", "--help").ok().out.split())
    assert "-v: a line for each request" in text
    assert "-vv: its headers too" in text
    assert "-vvv: its body too" in text
