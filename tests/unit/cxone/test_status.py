"""From statuses and bodies to this tool's errors and their sentences."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.cxone.message import Answer, Call, Failure
from reconciler.cxone.status import ErrorBody, lost, refused, unknown
from reconciler.cxone.text import escape, without
from reconciler.errors import (
    AuthenticationError,
    BadAnswer,
    Conflict,
    NotFound,
    NotSent,
    PreconditionFailed,
    RateLimited,
    ReconcilerError,
    Refused,
    ScopeMissing,
    ServerFailed,
)

CALL = Call(
    "PATCH", "https://h/things/a", "/things/a", scopes=("things:write",), stale_codes=frozenset({"VERSION_CONFLICT"})
)
TOKEN_CALL = Call("POST", "https://h/oauth/token", "/oauth/token", scopes=("things:read",), authorized=False)


def made(status: int, body: object = None, headers: dict[str, str] | None = None, call: Call = CALL) -> ReconcilerError:
    content = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
    return refused(call, Answer(status, headers or {}, content, "req-1"), "", str)


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (400, "INVALID_BODY", Refused),
        (401, "UNAUTHORIZED", AuthenticationError),
        (404, "NOT_FOUND", NotFound),
        (405, "METHOD_NOT_ALLOWED", Refused),
        (407, "", NotSent),
        (409, "VERSION_CONFLICT", PreconditionFailed),
        (409, "NAME_EXISTS", Conflict),
        (412, "PRECONDITION_FAILED", PreconditionFailed),
        (413, "", Refused),
        (415, "", Refused),
        (422, "", Refused),
        (428, "PRECONDITION_REQUIRED", Refused),
        (429, "RATE_LIMITED", RateLimited),
        (501, "RUNTIME_UNAVAILABLE", Refused),
        (503, "", ServerFailed),
        (302, "", BadAnswer),
        (199, "", BadAnswer),
    ],
)
def test_each_status_has_its_error(status: int, code: str, error: type[ReconcilerError]) -> None:
    found = made(status, {"code": code, "message": "no"})
    assert type(found) is error
    assert "PATCH /things/a" in found.message
    assert str(status) in found.message
    assert "req-1" in found.message


def test_the_message_says_what_the_server_says() -> None:
    details = [{"field": "columns.age", "message": "cannot be dropped"}, "and more"]
    found = made(409, {"code": "SCHEMA_LOCKED", "message": "the schema is locked", "details": details})
    assert found.message == (
        "PATCH /things/a was answered 409 SCHEMA_LOCKED: the schema is locked "
        "[columns.age: cannot be dropped; and more] (request req-1)"
    )
    assert isinstance(found, Conflict)
    assert (found.status, found.api_code, found.request_id) == (409, "SCHEMA_LOCKED", "req-1")


def test_many_details_are_counted() -> None:
    found = made(
        400, {"code": "X", "message": "bad", "details": [{"field": f"f{i}", "message": "no"} for i in range(9)]}
    )
    assert "f4: no; and 4 more" in found.message
    assert "f5" not in found.message


@pytest.mark.parametrize(
    ("body", "scope"),
    [
        (
            {"message": "no", "details": [{"field": "scope", "message": "data:write or data:sync"}]},
            "data:write or data:sync",
        ),
        ({"message": "the token lacks crm:connectors:write"}, "crm:connectors:write"),
        ({"message": "either a:read or b:write"}, "a:read or b:write"),
        ({"message": "forbidden"}, "things:write"),
    ],
)
def test_403_names_the_missing_scope(body: object, scope: str) -> None:
    found = made(403, body)
    assert isinstance(found, ScopeMissing)
    assert found.scope == scope
    assert scope in found.fix


def test_a_403_page_of_a_firewall_is_not_about_scopes() -> None:
    found = made(403, b"<html>blocked</html>", {"content-type": "text/html"})
    assert type(found) is Refused
    assert "HTML page" in found.message


def test_a_404_page_of_something_else_does_not_say_that_the_resource_is_gone() -> None:
    assert type(made(404, b"<!DOCTYPE html><p>nginx", {"content-type": "text/html"})) is BadAnswer
    assert type(made(404)) is NotFound


def test_a_redirect_names_the_other_host() -> None:
    found = made(302, None, {"location": "https://login.example.net/x?token=1"})
    assert "login.example.net" in found.message
    assert "token=1" not in found.message
    assert "same host" in made(301, None, {"location": "/elsewhere"}).message
    assert "same host" in made(301, None, {"location": "http://[broken"}).message


@pytest.mark.parametrize(
    ("status", "body", "error", "fix"),
    [
        (400, {"error": "unsupported_grant_type"}, AuthenticationError, "auth.grant"),
        (400, {"error": "invalid_request"}, AuthenticationError, "auth.body"),
        (400, {"error": "invalid_scope", "error_description": "no data:write"}, ScopeMissing, "data:write"),
        (401, {"error": "invalid_client"}, AuthenticationError, "clientSecret"),
        (403, {"code": "invalid_scope"}, ScopeMissing, "things:read"),
        (403, {"code": "invalid_scope", "message": "not a:read b:write"}, ScopeMissing, "a:read and b:write"),
        (404, None, AuthenticationError, "auth.path"),
        (405, {"code": "METHOD_NOT_ALLOWED"}, AuthenticationError, "auth.path"),
        (403, b"<html>", Refused, "check url and proxy"),
        (403, {"error": "invalid_client"}, AuthenticationError, "clientSecret"),
        (429, None, RateLimited, ""),
        (500, None, ServerFailed, ""),
    ],
)
def test_a_refused_token_says_what_to_check(status: int, body: object, error: type[ReconcilerError], fix: str) -> None:
    found = made(status, body, call=TOKEN_CALL)
    assert type(found) is error
    assert fix in found.fix


def test_a_lost_attempt_is_told_by_whether_it_was_sent() -> None:
    assert type(lost(CALL, Failure("refused", sent=False, request_id="r"), "after 5 attempts")) is NotSent
    assert type(lost(CALL, Failure("reset", sent=True, request_id="r"), "")) is ServerFailed
    assert type(lost(CALL, Failure("garbage", sent=True, request_id="r", status=200), "")) is BadAnswer


def test_an_unknown_outcome_keeps_the_status_and_the_servers_words() -> None:
    body = orjson.dumps({"code": "INTERNAL", "message": "boom"})
    found = unknown(CALL, Answer(500, {}, body, "req-1"))
    assert found.status == 500
    assert "boom" in found.message
    assert unknown(CALL, Failure("reset", sent=True, request_id="req-2")).request_id == "req-2"


def test_servers_cannot_write_to_the_terminal() -> None:
    found = made(400, {"code": "X\x1b[2J", "message": "a\nb\u202ec\x07" + "x" * 1000})
    assert found.message.isprintable()
    assert "\\x1b" in found.message
    assert len(found.message) < 500


@given(st.text(max_size=400))
def test_escaped_text_is_printable_and_bounded(text: str) -> None:
    shown = escape(text, 50)
    assert shown.isprintable()
    assert escape(shown[:20], 50) == shown[:20]


@given(st.binary(max_size=200), st.integers(100, 599))
def test_any_body_makes_an_error(content: bytes, status: int) -> None:
    assert refused(CALL, Answer(status, {}, content, "r"), "", str).message.isprintable()


def test_credentials_are_removed_from_what_servers_say() -> None:
    redact = without(["hunter22", "hunter2", "abc"])
    assert redact("got hunter22, hunter2 and abc") == "got (secret), (secret) and abc"
    body = orjson.dumps(
        {"code": "X", "message": "bad secret hunter2", "details": [{"field": "hunter2", "message": "hunter2"}]}
    )
    error = refused(CALL, Answer(400, {}, body, "r"), "", redact)
    assert "hunter2" not in error.message


@pytest.mark.parametrize(
    ("details", "shown"),
    [
        ([("a", "is wrong")], "no good: a: is wrong"),
        ([("a", "is wrong"), ("b", "too")], "no good: a: is wrong [b: too]"),
        ([("b", "too")], "no good: a: is wrong [b: too]"),
        ([], "no good: a: is wrong"),
    ],
)
def test_what_the_message_says_already_is_not_said_twice(details: list[tuple[str, str]], shown: str) -> None:
    assert str(ErrorBody("X", "no good: a: is wrong", tuple(details))) == shown


def test_304_is_no_redirect() -> None:
    assert "304 Not Modified, although it did not ask" in made(304).message
