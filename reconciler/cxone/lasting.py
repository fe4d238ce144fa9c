"""Network failures that no further attempt mends, recognised by what caused them."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

from reconciler.cxone.text import escape


def lasting_cause(error: BaseException, *, connecting: bool) -> tuple[str, str] | None:
    """Reason and fix where trying again cannot help: certificates, TLS while ``connecting``, unknown names."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return (
                f"the server's certificate is not trusted ({escape(cause.verify_message)})",
                "name the file with your certificate authority in tls.caFile, or correct the host name in url",
            )
        if isinstance(cause, ssl.SSLError) and connecting:
            return (
                f"no TLS connection could be made ({escape(cause.reason or str(cause))})",
                "check scheme and port of url",
            )
        if isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_NONAME:
            return "the host name is not known", "check the host in url (or in proxy), and the network's name service"
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen = 0
    while error is not None and seen < 10:
        yield error
        error = error.__cause__ or error.__context__
        seen += 1
