"""The tenant does not let us in, or talking to it failed."""

from __future__ import annotations

from reconciler.errors.root import ReconcilerError


class AuthenticationError(ReconcilerError):
    """The token endpoint refused the client's credentials, or the API refused a fresh token."""

    code = "A001"


class ScopeMissing(AuthenticationError):
    """The client may not do this: its token lacks a scope, which the message names."""

    code = "A002"

    def __init__(self, message: str, *, scope: str, fix: str = "") -> None:
        super().__init__(
            message, fix=fix or f"grant the API client, and auth.scopes if the target has it, the scope {scope}"
        )
        self.scope = scope


class ApiError(ReconcilerError):
    """Talking to the tenant failed.

    ``status`` is the HTTP status or None, ``api_code`` the body's ``code`` (contract: Common rules), ``request_id`` what
    the server's operators need to find the request, ``details`` pairs of field and message from the body.
    """

    code = "H000"

    def __init__(
        self, message: str, *, fix: str = "", status: int | None = None, api_code: str = "", request_id: str = ""
    ) -> None:
        super().__init__(message, fix=fix)
        self.status = status
        self.api_code = api_code
        self.request_id = request_id
        self.details: tuple[tuple[str, str], ...] = ()


class NotSent(ApiError):
    """The request surely never reached the server: no connection, no name, no TLS."""

    code = "H001"


class OutcomeUnknown(ApiError):
    """The request was sent and no usable answer came: it may or may not have been carried out."""

    code = "H002"


class BadAnswer(ApiError):
    """The server answered something that the contract does not know: HTML, broken JSON, a wrong type."""

    code = "H003"


class NotFound(ApiError):
    """The resource, or the whole collection, does not exist (404)."""

    code = "H004"


class PreconditionFailed(ApiError):
    """The resource is not in the state that the writer had seen (412, or 409 with a version-conflict code)."""

    code = "H005"


class Conflict(ApiError):
    """409 for a reason of its own: a name taken, a schema locked, a resource in use; the message says which."""

    code = "H006"


class Refused(ApiError):
    """The server refuses the request as it is (400, 413, 415, 422, 428 …); repeating it cannot help."""

    code = "H007"


class RateLimited(ApiError):
    """The server keeps answering 429 and the retries are used up."""

    code = "H008"


class ServerFailed(ApiError):
    """The server keeps failing (5xx) and the retries are used up."""

    code = "H009"


class WriteRefused(ApiError):
    """A write was attempted through a client that may only read: a defect of this tool, stopped before it was sent."""

    code = "H010"


class UnstableListing(ApiError):
    """A collection kept changing while its pages were read, so that nothing can be concluded from what it lacks."""

    code = "H011"
