"""The transcript of an attempt holds what was said, and no secret: neither known ones nor those that stand where secrets stand."""

import json

import pytest

from reconciler.cxone.message import Answer, Call, Failure
from reconciler.cxone.text import without
from reconciler.cxone.transcript import MAX_BODY, transcript

SENT = {"Authorization": "Bearer tok-123456", "If-Match": '"e1"', "X-Request-Id": "r"}


def told(body, *, authorized=True, detail=3, answer=None, headers=None, redact=str):
    call = Call("PATCH", "https://x/y", "/y", content=body, authorized=authorized)
    outcome = answer or Answer(200, {"etag": '"e2"', "set-cookie": "session=abc"}, b"", "r")
    return transcript(call, headers or SENT, outcome, detail=detail, redact=redact)


def test_headers_alone():
    assert told(b'{"a":1}', detail=2) == [
        "  > Authorization: (secret)",
        '  > If-Match: "e1"',
        "  > X-Request-Id: r",
        "  < 200",
        '  < etag: "e2"',
        "  < set-cookie: (secret)",
    ]


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ({"name": "a", "password": "hunter2"}, {"name": "a", "password": "(secret)"}),
        (
            {"authentication": {"credentials": {"username": "u", "odd": "hunter2", "clientId": "c"}}},
            {"authentication": {"credentials": {"username": "u", "odd": "(secret)", "clientId": "c"}}},
        ),
        (
            {
                "environment": {
                    "A": {"value": "hunter2", "secret": True},
                    "B": "plain",
                    "C": {"value": "p", "secret": False},
                }
            },
            {
                "environment": {
                    "A": {"value": "(secret)", "secret": True},
                    "B": "plain",
                    "C": {"value": "p", "secret": "(secret)"},
                }
            },
        ),
        ({"items": [{"api_key": ["hunter2"]}, {"webhookSecret": {"x": "hunter2"}}]}, None),
        ({"message": "you said hunter2"}, {"message": "you said (secret)"}),
    ],
)
def test_secrets_in_bodies(body, shown):
    line = next(
        line for line in told(json.dumps(body).encode(), redact=without(["hunter2"])) if line.startswith("  > {")
    )
    assert "hunter2" not in line
    if shown is not None and "C" not in body.get("environment", {}):
        assert json.loads(line[4:]) == shown


def test_the_token_is_taken_out_wherever_it_comes_back():
    answer = Answer(400, {"x-said": "tok-123456"}, b'{"message": "Bearer tok-123456 is bad"}', "r")
    text = "\n".join(told(None, answer=answer))
    assert "tok-123456" not in text
    assert "Bearer (secret) is bad" in text


def test_nothing_of_a_token_request_is_told():
    answer = Answer(200, {}, b'{"access_token": "abc"}', "r")
    lines = told(b"grant_type=client_credentials&client_secret=x", authorized=False, answer=answer, headers={"a": "b"})
    assert "grant_type" not in "".join(lines)
    assert "abc" not in "".join(lines)


def test_long_and_strange_bodies():
    lines = told(b"\x1b[31m not JSON \xff")
    assert "  > \\x1b[31m not JSON \ufffd" in lines
    body = told(json.dumps({"a": "x" * 5000}).encode())[3]
    assert len(body) < MAX_BODY + 60
    assert body.endswith("(5009 bytes in all)")


def test_no_answer():
    assert (
        told(None, answer=Failure("no answer came in time", sent=True, request_id="r"))[-1]
        == "  < no answer came in time"
    )
