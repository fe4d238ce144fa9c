"""What an object store's failures mean, in words of our own, and what to do.

The library's messages hold URLs, request ids, and for a wrong signature what was signed; of all that only the server's error
code, the region that it names, and the kind of the failure are read here, and nothing of it is shown as it came.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from reconciler.engine.state.s3_place import Place
from reconciler.errors import StorageError

_CODE = re.compile(r"<Code>([A-Za-z0-9.]{1,60})</Code>")
_STATUS = re.compile(r"non-2xx status code: ([0-9]{3})")
_REGION = re.compile(r"<Region>([a-z0-9-]{2,30})</Region>")

_CREDENTIALS = frozenset(
    (
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
        "ExpiredToken",
        "InvalidToken",
        "TokenRefreshRequired",
        "InvalidSecurity",
    )
)
_ELSEWHERE = frozenset(
    ("PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "TemporaryRedirect")
)
_BUSY = frozenset(
    (
        "SlowDown",
        "InternalError",
        "ServiceUnavailable",
        "RequestTimeout",
        "OperationAborted",
        "ConditionalRequestConflict",
    )
)

RIGHTS = "s3:GetObject, s3:PutObject and s3:DeleteObject on the folder, s3:ListBucket on the bucket"
"""What a command that writes needs; one that only reads does without putting and deleting."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What went wrong: in words, what to do, whether asking again may help, and whether a right is what is missing."""

    message: str
    fix: str
    passing: bool = False
    denied: bool = False


class StorageDenied(StorageError):
    """The credentials are good, and may not do this."""


def is_missing(error: Exception) -> bool:
    """Whether an object is not there; a bucket that is not there is another matter."""
    return isinstance(error, FileNotFoundError) and "NoSuchBucket" not in str(error)


def understand(error: Exception, place: Place) -> Fault:
    """Say what a failure of the library means."""
    text = str(error)
    found = _CODE.search(text)
    code = found.group(1) if found else ""
    if code in _BUSY:
        return Fault(f"the server is busy or fails ({code})", "try again later", passing=True)
    if code == "NoSuchBucket" or (isinstance(error, FileNotFoundError) and not code):
        return Fault(
            f"there is no bucket {place.bucket}", "create it, or correct the target's ledger in reconciler.yaml"
        )
    if code in _ELSEWHERE or "incorrectly configured region" in text:
        region = _REGION.search(text)
        where = f"AWS_REGION={region.group(1)}" if region else "AWS_REGION to the bucket's region"
        return Fault("the bucket is in another region", f"set {where}")
    if code == "RequestTimeTooSkewed":
        return Fault("this machine's clock differs too much from the server's", "set the clock")
    if code in _CREDENTIALS:
        return Fault(f"the credentials are refused ({code})", "renew the AWS credentials in the environment")
    if code == "NotImplemented":
        return Fault(
            "the server does not know conditional writes", "use a store that does: S3 and most that are like it"
        )
    return _by_kind(error, text, code)


def _by_kind(error: Exception, text: str, code: str) -> Fault:
    if "latest/api/token" in text or "latest/meta-data" in text:
        fix = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or let the job assume a role; profiles are not read"
        return Fault("no AWS credentials are found in the environment", fix)
    named = _STATUS.search(text)
    status = int(named.group(1)) if named else 0
    if type(error).__name__ in ("PermissionDeniedError", "UnauthenticatedError") or status in (401, 403):
        return Fault("access is denied", f"grant the role {RIGHTS}; and check AWS_ACCESS_KEY_ID", denied=True)
    if status >= 500:
        return Fault(f"the server fails (status {status})", "try again later", passing=True)
    if status:
        return Fault(f"the server refuses it (status {status}{f', {code}' if code else ''})", "check AWS_ENDPOINT_URL")
    if "InvalidCertificate" in text or "UnknownIssuer" in text:
        fix = "name the file with its authority in AWS_CA_BUNDLE"
        return Fault("the server's certificate is not trusted", fix)
    return Fault("the server cannot be reached", "check the network, AWS_ENDPOINT_URL and AWS_REGION", passing=True)


def storage_error(what: str, error: Exception, place: Place) -> StorageError:
    """The error for something (``what``: a verb and an object) that could not be done."""
    fault = understand(error, place)
    return as_error(what, fault)


def as_error(what: str, fault: Fault) -> StorageError:
    """The same for a fault that is understood already."""
    kind = StorageDenied if fault.denied else StorageError
    return kind(f"cannot {what}: {fault.message}", fix=fault.fix)
