"""What an address must be for requests to be sent there: said once for the project file and for the client."""

from __future__ import annotations

from urllib.parse import urlsplit


def server_problem(url: str, *, credentials: bool = False) -> str:
    """Why a text is no address of a server, in words that follow its name; empty for one. ``credentials`` may be in it."""
    if problem := _unprintable(url):
        return problem
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "is not a URL"
    if not url.startswith(("https://", "http://")):
        return "does not begin with https:// or http://"
    if not parts.hostname:
        return "names no host"
    if port == 0:
        return "has port 0, which is none"
    if "#" in url:
        return "holds a #, and what follows one is never sent"
    if not credentials and (parts.username is not None or parts.password is not None):
        return "holds credentials"
    return ""


def path_problem(path: str) -> str:
    """Why a text is no path on a server, in words that follow its name; empty for one."""
    if problem := _unprintable(path):
        return problem
    if not path.startswith("/"):
        return "does not begin with /"
    return "holds a #, and what follows one is never sent" if "#" in path else ""


def _unprintable(text: str) -> str:
    """A line break would be dropped by whoever parses it, and end a line of the request where nobody does."""
    bad = any(char.isspace() or not char.isprintable() for char in text)
    return "holds a blank or a control character" if bad else ""
