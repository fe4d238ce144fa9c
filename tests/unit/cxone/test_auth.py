"""The token request in every style, and the pieces that must not show a secret."""

from __future__ import annotations

from base64 import b64decode
from urllib.parse import parse_qs

import orjson
import pytest

from reconciler.core.values import Secret
from reconciler.cxone.auth import token_call
from reconciler.cxone.message import Call
from reconciler.cxone.settings import Auth, TargetApi

SECRET = "s3cr&t/+ä:x"


def call(scopes: tuple[str, ...] = ("a:read", "b:write"), **changes: object) -> Call:
    return token_call(Auth("me", Secret("test", SECRET), **changes), "https://h/oauth/token", scopes)


def test_a_form_holds_everything() -> None:
    made = call()
    assert made.content is not None
    assert parse_qs(made.content.decode()) == {
        "grant_type": ["client_credentials"],
        "client_id": ["me"],
        "client_secret": [SECRET],
        "scope": ["a:read b:write"],
    }
    assert made.headers["Content-Type"] == "application/x-www-form-urlencoded"


def test_json_holds_everything() -> None:
    made = call(body="json")
    assert orjson.loads(made.content or b"") == {
        "grant_type": "client_credentials",
        "client_id": "me",
        "client_secret": SECRET,
        "scope": "a:read b:write",
    }
    assert made.headers["Content-Type"] == "application/json"


def test_basic_keeps_the_credentials_out_of_the_body() -> None:
    made = call(body="basic")
    assert b"s3cr" not in (made.content or b"")
    scheme, _, encoded = made.headers["Authorization"].partition(" ")
    assert scheme == "Basic"
    assert b64decode(encoded).decode() == "me:s3cr%26t%2F%2B%C3%A4%3Ax"


def test_an_access_key_is_json_without_scopes() -> None:
    made = call(grant="access_key")
    assert orjson.loads(made.content or b"") == {"accessKeyId": "me", "accessKeySecret": SECRET}


def test_no_scopes_are_asked_for_where_none_are_needed() -> None:
    assert b"scope" not in (call(scopes=()).content or b"")


def test_a_client_id_may_be_a_secret() -> None:
    auth = Auth(Secret("id", "hidden-id"), Secret("test", SECRET))
    assert b"hidden-id" in (token_call(auth, "https://h/t", ()).content or b"")


@pytest.mark.parametrize("style", ["form", "json", "basic"])
def test_nothing_shows_a_secret(style: str) -> None:
    auth = Auth("me", Secret("test", SECRET), body=style)  # type: ignore[arg-type]
    api = TargetApi("t", "https://h", auth, proxy="http://user:proxy-password@p")
    shown = f"{api!r} {auth!r} {token_call(auth, 'https://h/t', ())}"
    assert "s3cr" not in shown
    assert "Basic" not in shown
    assert "proxy-password" not in shown
