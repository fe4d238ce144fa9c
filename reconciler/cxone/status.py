"""The one place where HTTP statuses and lost answers become this tool's errors.

For a write, every error but `OutcomeUnknown` means that it was **not** carried out: what else can be said of it is decided here
and in `reconciler.cxone.retry`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson

from reconciler.cxone.message import Answer, Call, Failure
from reconciler.cxone.retry import transient
from reconciler.cxone.text import Redact, escape
from reconciler.errors import (
    ApiError,
    AuthenticationError,
    BadAnswer,
    Conflict,
    NotFound,
    NotSent,
    OutcomeUnknown,
    PreconditionFailed,
    RateLimited,
    ReconcilerError,
    Refused,
    ScopeMissing,
    ServerFailed,
)

_MAX_DETAILS = 5
_SCOPE = re.compile(r"\b[a-z][a-z-]*(?::[a-z][a-z-]*)+\b")


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """What an error answer says (contract: Common rules; RFC 6749 §5.2 for token endpoints), fit to be shown."""

    code: str = ""
    message: str = ""
    details: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        text = self.message or self.code
        told = [f"{field}: {message}" if field else message for field, message in self.details]
        told = [detail for detail in told if detail not in text]
        shown = "; ".join(told[:_MAX_DETAILS])
        more = len(told) - _MAX_DETAILS
        shown += f"; and {more} more" if more > 0 else ""
        return f"{text} [{shown}]" if shown else text


def read_error(answer: Answer, redact: Redact) -> ErrorBody | None:
    """Read the error body; None where there is no JSON object that could be one."""
    try:
        body: Any = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(body, dict):
        return None

    def shown(*keys: str) -> str:
        value = next((body[key] for key in keys if isinstance(body.get(key), str)), "")
        return escape(redact(value))

    details = []
    listed = body.get("details", body.get("errors"))
    for item in listed if isinstance(listed, list) else []:
        if isinstance(item, dict):
            field, message = item.get("field"), item.get("message")
            details.append((_plain(field, redact), _plain(message, redact)))
        elif isinstance(item, str):
            details.append(("", escape(redact(item))))
    return ErrorBody(shown("code", "error"), shown("message", "error_description"), tuple(details))


def _plain(value: Any, redact: Redact) -> str:
    return escape(redact(value)) if isinstance(value, str) else ""


def describe(call: Call, answer: Answer, body: ErrorBody | None, why: str = "") -> str:
    """One sentence: what was asked, what came back, what the server says, and how its operators find it."""
    code = f" {body.code}" if body is not None and body.code else ""
    text = f"{call} was answered {answer.status}{code}"
    if why:
        text += f" {why}"
    if body is not None and str(body) and str(body) != body.code:
        text += f": {body}"
    elif body is None and answer.content:
        text += f" with {looks_like(answer)}"
    return f"{text} (request {answer.request_id})"


def looks_like(answer: Answer) -> str:
    """Say what a body is that is not the API's JSON."""
    start = answer.content[:512].lstrip()[:16].lower()
    if start.startswith((b"<!doctype html", b"<html")) or "html" in answer.headers.get("content-type", ""):
        return "an HTML page, so perhaps by a proxy or firewall in between"
    return "a body that is not the API's JSON"


def lost(call: Call, failure: Failure, why: str) -> ReconcilerError:
    """The error for an attempt without a whole answer, when it is not tried again."""
    suffix = f" {why}" if why else ""
    text = f"{call} failed{suffix}: {failure.reason} (request {failure.request_id})"
    if not failure.sent:
        return NotSent(
            text, fix=failure.fix or "check that the target's url is right and reachable", request_id=failure.request_id
        )
    if failure.status is not None:
        fix = failure.fix or "the server does not speak the API as the target describes it: check url and api.paths"
        return BadAnswer(text, fix=fix, status=failure.status, request_id=failure.request_id)
    fix = failure.fix or "try again; if it stays so, ask the service's operators with the request id"
    return ServerFailed(text, fix=fix, request_id=failure.request_id)


def unknown(call: Call, outcome: Answer | Failure, reason: str = "", redact: Redact = str) -> OutcomeUnknown:
    """The error for a write that may or may not have been carried out."""
    if isinstance(outcome, Failure):
        said, status = f"{outcome.reason} (request {outcome.request_id})", outcome.status
    elif reason:
        said, status = (
            f"its answer {outcome.status} is of no use: {reason} (request {outcome.request_id})",
            outcome.status,
        )
    else:
        said, status = describe(call, outcome, read_error(outcome, redact)), outcome.status
    return OutcomeUnknown(
        f"{call} was sent, and whether it was carried out is not known: {said}",
        fix="run plan again: it shows what is live now",
        status=status,
        request_id=outcome.request_id,
    )


def refused(call: Call, answer: Answer, why: str, redact: Redact) -> ReconcilerError:
    """The error for an answer other than 2xx that is final."""
    body = read_error(answer, redact)
    text = describe(call, answer, body, why)
    code = body.code if body is not None else ""
    status = answer.status
    foreign = body is None and bool(answer.content)
    if not call.authorized and 400 <= status < 500 and status not in (407, 429) and not (foreign and status == 403):
        return _no_token(call, status, body, text)
    if status == 401:
        return AuthenticationError(
            text, fix="the API refuses a token that was just issued: check url and auth of the target"
        )
    if status == 403 and body is not None:
        return _forbidden(call, body, text)
    kind, fix = _kind_of(call, status, code)
    if status == 404 and foreign:
        kind = BadAnswer  # not the API's own 404, so it does not say that the resource is gone
    if foreign and (not fix or status == 403):
        fix = "something in between answers in place of the API: check url and proxy of the target, and what they let through"
    if status == 304:
        text = f"{call} was answered 304 Not Modified, although it did not ask whether anything was (request {answer.request_id})"
    elif 300 <= status < 400:
        text = f"{call} was answered {status}, a redirect to {_host(answer)}, which is not followed (request {answer.request_id})"
    error = kind(text, fix=fix, status=status, api_code=code, request_id=answer.request_id)
    error.details = body.details if body is not None else ()
    return error


def _kind_of(call: Call, status: int, code: str) -> tuple[type[ApiError], str]:
    if status == 412 or (status == 409 and code in call.stale_codes):
        return PreconditionFailed, "somebody changed it meanwhile: plan again"
    if status == 407:
        return NotSent, "the proxy wants credentials: write proxy as http://user:${secret:env:PROXY_PASSWORD}@host:port"
    if status == 429:
        return RateLimited, "lower limits.requestsPerSecond of the target, or wait and run again"
    if 300 <= status < 400:
        return BadAnswer, "correct url or api.paths of the target; credentials are never sent after a redirect"
    if 400 <= status < 600 and not transient(status):
        return {404: (NotFound, "check url and api.paths of the target, or plan again"), 409: (Conflict, "")}.get(
            status, (Refused, "correct what the message names; the service's operators find it by the request id")
        )
    if transient(status):
        return ServerFailed, "try again later; if it stays so, ask the service's operators with the request id"
    return BadAnswer, "the server does not speak the API as the target describes it"


def _forbidden(call: Call, body: ErrorBody, text: str) -> AuthenticationError:
    """Name the missing scope: from ``details``, else as it stands in the message, else what the call is known to need."""
    named = next((message for field, message in body.details if field in ("scope", "scopes") and message), "")
    if not named:
        found = _SCOPE.findall(" ".join([*(message for _, message in body.details), body.message]))
        # A token is granted with every scope that was asked for, or not at all; a resource is content with any of its own.
        joined = " or " if call.authorized else " and "
        named = joined.join(dict.fromkeys(found)) or joined.join(call.scopes)
    if named:
        return ScopeMissing(text, scope=named)
    return AuthenticationError(text, fix="grant the API client the right to do this")


def _no_token(call: Call, status: int, body: ErrorBody | None, text: str) -> AuthenticationError:
    """The error for a refused token request (RFC 6749 §5.2; contract: Tokens)."""
    code = body.code.lower() if body is not None else ""
    if body is not None and (code == "invalid_scope" or (status == 403 and code != "invalid_client")):
        return _forbidden(call, body, text)
    if status in (404, 405) and code != "invalid_client":
        fix = "there is no token endpoint: correct auth.path of the target"
    elif code == "unsupported_grant_type":
        fix = "correct auth.grant of the target"
    elif code == "invalid_request" or status in (400, 415):
        fix = "correct auth.body (form, json or basic) and auth.grant of the target"
    else:
        fix = "check auth.clientId and auth.clientSecret of the target"
    return AuthenticationError(text, fix=fix)


def _host(answer: Answer) -> str:
    try:
        host = urlsplit(answer.headers.get("location", "")).hostname
    except ValueError:
        host = None
    return escape(host, 100) if host else "another path of the same host"
