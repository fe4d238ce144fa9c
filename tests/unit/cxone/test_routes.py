"""Addresses, with a target's overrides."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.cxone.routes import Routes, label_of, with_query
from reconciler.errors import BadAnswer, InvalidProject
from tests.support.cxone import THING, target


def routes(url: str = "https://api.example.com", **changes: object) -> Routes:
    return Routes(target(url, **changes), url)


def test_paths_stand_under_the_targets_url() -> None:
    found = routes("https://api.example.com/tenant/")
    assert (
        found.collection(THING, {"page": 1, "name": "a b&c"})
        == "https://api.example.com/tenant/things?page=1&name=a+b%26c"
    )
    assert found.item(THING, "x") == "https://api.example.com/tenant/things/x"
    assert found.token_url == "https://api.example.com/tenant/oauth/token"


def test_a_kind_may_have_a_path_or_a_host_of_its_own() -> None:
    assert routes(paths={"Thing": "/v9/t"}).item(THING, "x") == "https://api.example.com/v9/t/x"
    other = routes(paths={"Thing": "https://other.example.com/t"})
    assert other.collection(THING) == "https://other.example.com/t"
    assert other.item(THING, "x") == "https://other.example.com/t/x"


def test_the_token_endpoint_may_be_elsewhere() -> None:
    assert routes(auth={"path": "https://auth.example.com/t"}).token_url == "https://auth.example.com/t"
    assert routes(auth={"grant": "access_key"}).token_url.endswith("/authentication/v1/token/access-key")


@given(st.text(min_size=1).filter(lambda text: text not in (".", "..")))
def test_an_id_never_leaves_its_collection(id_: str) -> None:
    try:
        id_.encode()
    except UnicodeEncodeError:
        return
    rest = routes().item(THING, id_).removeprefix("https://api.example.com/things/")
    assert not set(rest) & set("/?#\r\n ")


@pytest.mark.parametrize("id_", ["", ".", ".."])
def test_an_id_that_is_a_path_is_refused(id_: str) -> None:
    with pytest.raises(BadAnswer):
        routes().item(THING, id_)


@pytest.mark.parametrize(
    "url", ["api.example.com", "ftp://x", "https://", "https://me:secret@host", "https://h:99999", "https://[x", ""]
)
def test_what_is_no_address_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(InvalidProject) as caught:
        routes(url)
    assert "secret" not in caught.value.message


def test_labels_have_no_host() -> None:
    assert label_of("https://h/a/b?c=d") == "/a/b?c=d"
    assert label_of("https://h") == "/"
    assert with_query("/a?b=c", {"d": "e"}) == "/a?b=c&d=e"
