"""What an address must be for requests to be sent there."""

from __future__ import annotations

import pytest

from reconciler.core.addresses import path_problem, server_problem


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("https://api.example.com", ""),
        ("http://127.0.0.1:8080/base", ""),
        ("https://[::1]:1/a?b=c", ""),
        ("http://h:65535", ""),
        ("", "does not begin with https:// or http://"),
        ("api.example.com", "does not begin with https:// or http://"),
        ("HTTP://h", "does not begin with https:// or http://"),
        ("ftp://h", "does not begin with https:// or http://"),
        ("http:h", "does not begin with https:// or http://"),
        ("http://", "names no host"),
        ("http://:80", "names no host"),
        ("http://h:0", "has port 0, which is none"),
        ("http://h:65536", "is not a URL"),
        ("http://h:-1", "is not a URL"),
        ("http://h:x", "is not a URL"),
        ("http://[h", "is not a URL"),
        ("http://a b", "holds a blank or a control character"),
        ("http://h:18\n090", "holds a blank or a control character"),
        ("http://h\t", "holds a blank or a control character"),
        ("http://h\x7f", "holds a blank or a control character"),
        ("http://h/#", "holds a #, and what follows one is never sent"),
        ("http://me@h", "holds credentials"),
        ("http://:pw@h", "holds credentials"),
    ],
)
def test_what_is_the_matter_with_an_address(url: str, problem: str) -> None:
    assert server_problem(url) == problem
    assert server_problem(url, credentials=True) == ("" if problem == "holds credentials" else problem)


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("/", ""),
        ("/api/v2/items?x=1", ""),
        ("", "does not begin with /"),
        ("api", "does not begin with /"),
        ("/a b", "holds a blank or a control character"),
        ("/a\nb", "holds a blank or a control character"),
        ("/t#f", "holds a #, and what follows one is never sent"),
    ],
)
def test_what_is_the_matter_with_a_path(path: str, problem: str) -> None:
    assert path_problem(path) == problem
