"""Looking at a server's TLS: what is spoken, and how long its certificate is good for."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reconciler.cxone.text import escape
from reconciler.cxone.transport import CONNECT_SECONDS
from reconciler.errors import InvalidProject, NotSent


@dataclass(frozen=True, slots=True)
class Secured:
    """A connection that is trusted: its protocol (``TLSv1.3``), and when the server's certificate expires (UTC)."""

    protocol: str
    expires: datetime


def look_at_tls(target: str, host: str, port: int, ca_file: Path | None) -> Secured:
    """Make a TLS connection as the client does, and close it again.

    Raises `InvalidProject` for a CA file that cannot be used, `NotSent` where there is no connection or no trust; nothing is
    sent over it.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise InvalidProject(
            f"the CA file {ca_file} of target {target} cannot be used: {error.strerror or error}",
            fix="tls.caFile must name a readable file with one or more certificates in PEM",
        ) from error
    try:
        with (
            socket.create_connection((host, port), timeout=CONNECT_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=host) as secured,
        ):
            certificate: dict[str, Any] = secured.getpeercert() or {}
            expires = ssl.cert_time_to_seconds(str(certificate["notAfter"]))
            return Secured(secured.version() or "TLS", datetime.fromtimestamp(expires, UTC))
    except ssl.SSLCertVerificationError as error:
        raise NotSent(
            f"the certificate of {escape(host)} is not trusted ({escape(error.verify_message)})",
            fix="name the file with your certificate authority in tls.caFile, or correct the host name in url",
        ) from error
    except ssl.SSLError as error:
        raise NotSent(
            f"no TLS connection to {escape(host)}:{port} could be made ({escape(error.reason or str(error))})",
            fix="check scheme and port of url",
        ) from error
    except (OSError, UnicodeError) as error:
        what = "did not answer in time" if isinstance(error, TimeoutError) else "cannot be reached"
        raise NotSent(f"{escape(host)}:{port} {what}", fix="check url, and the network between") from error
