"""The errors an emulator answers with, and the one it refuses to start with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

UNWRITABLE = "STATE_UNWRITABLE"
"""The code of a state file that this process may not write, or for which there is no room."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a request: the dotted path of the field, and what is wrong with it."""

    field: str
    message: str

    def as_json(self) -> dict[str, str]:
        """Give the element of ``details`` that stands for this problem."""
        return {"field": self.field, "message": self.message}


class ApiError(Exception):
    """An answer other than success, with the body of the contract's common rules."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        details: Sequence[Problem] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = tuple(details)
        self.headers = dict(headers or {})

    def body(self, request_id: str) -> dict[str, object]:
        """Give the JSON body of the answer."""
        return {
            "code": self.code,
            "message": self.message,
            "details": [problem.as_json() for problem in self.details],
            "requestId": request_id,
        }


class StateError(Exception):
    """A file to start from that can't be used: a state that is damaged, foreign or newer; a wrong seed or faults file."""

    def __init__(self, code: str, message: str, fix: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.fix = fix


def invalid(problems: Sequence[Problem]) -> ApiError:
    """Make the 400 for a body that breaks its schema; the message names the first problem."""
    first = problems[0]
    text = f"{first.field}: {first.message}" if first.field else first.message
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return ApiError(HTTPStatus.BAD_REQUEST, "INVALID_BODY", text + more, problems)


def bad_request(field: str, message: str, code: str = "INVALID_REQUEST") -> ApiError:
    """Make the 400 for one wrong header, parameter or body."""
    text = f"{field}: {message}" if field else message
    return ApiError(HTTPStatus.BAD_REQUEST, code, text, [Problem(field, message)] if field else ())


def not_found(what: str) -> ApiError:
    """Make the 404 for a resource or path that is not there."""
    return ApiError(HTTPStatus.NOT_FOUND, "NOT_FOUND", f"{what} does not exist")


def conflict(code: str, message: str, details: Sequence[Problem] = ()) -> ApiError:
    """Make a 409 with one of the contract's conflict codes."""
    return ApiError(HTTPStatus.CONFLICT, code, message, details)


def unprocessable(code: str, message: str, details: Sequence[Problem] = ()) -> ApiError:
    """Make a 422: well-formed, but it can't be meant."""
    return ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, code, message, details)
