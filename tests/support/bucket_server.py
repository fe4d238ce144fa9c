"""A moto server in a process of its own, with faults in front of it: ``python -m tests.support.bucket_server``.

Prints one line of JSON with its URL. Requests are carried out one after the other, as the conditions of S3's writes are checked and
the object written in one step, and moto's are not. ``POST /_faults`` takes rules, ``DELETE`` removes them, ``GET /_log`` tells of
every request. A rule has ``match`` (method, path with globs), ``times``, and one effect: ``drop`` (``before`` the request is
carried out, or ``after``), ``status`` with ``code`` (an answer without carrying it out), ``ignore`` (the request's conditions are
taken off), or ``hold`` (the answer waits until the rules change).
"""

from __future__ import annotations

import fnmatch
import json
import os
import socket
import threading
from collections.abc import Iterable
from typing import Any

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

_CONDITIONS = ("HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH")
_ERROR = '<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>scripted</Message><Region>eu-west-1</Region></Error>'


class Front:
    """The application in front of moto."""

    def __init__(self) -> None:
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._one_at_a_time = threading.Lock()
        self._changed = threading.Condition()
        self._rules: list[dict[str, Any]] = []
        self._version = 0
        self._log: list[dict[str, Any]] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if path in ("/_faults", "/_log"):
            return self._control(method, path, environ, start_response)
        rule = self._find(method, path)
        if rule.get("drop") == "before":
            return self._drop(environ, start_response)
        if "status" in rule:
            self._note(method, path, rule["status"])
            start_response(f"{rule['status']} Scripted", [("Content-Type", "application/xml")])
            return [_ERROR.format(code=rule.get("code", "InternalError")).encode()]
        if rule.get("ignore"):
            for name in _CONDITIONS:
                environ.pop(name, None)
        answer = self._carry_out(method, path, environ)
        if rule.get("hold"):
            self._wait()
        if rule.get("drop") == "after":
            return self._drop(environ, start_response)
        start_response(answer[0], answer[1])
        return answer[2]

    def _carry_out(self, method: str, path: str, environ: dict[str, Any]) -> tuple[str, Any, list[bytes]]:
        found: list[Any] = []
        with self._one_at_a_time:
            body = list(self._moto(environ, lambda status, headers, error=None: found.extend((status, headers))))
        self._note(method, path, int(found[0].split()[0]))
        return found[0], found[1], body

    def _note(self, method: str, path: str, status: int) -> None:
        with self._changed:
            self._log.append({"seq": len(self._log) + 1, "method": method, "path": path, "status": status})

    def _find(self, method: str, path: str) -> dict[str, Any]:
        with self._changed:
            for rule in self._rules:
                match = rule["match"]
                if rule.get("times", 1) <= 0 or match.get("method", "*") not in ("*", method):
                    continue
                if fnmatch.fnmatchcase(path, match.get("path", "*")):
                    if "times" in rule:
                        rule["times"] -= 1
                    return dict(rule["effect"])
        return {}

    def _wait(self) -> None:
        with self._changed:
            version = self._version
            self._changed.wait_for(lambda: self._version != version)

    def _drop(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Close the connection without an answer."""
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        start_response("500 Dropped", [])
        return []

    def _control(self, method: str, path: str, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        with self._changed:
            if path == "/_faults":
                self._rules = json.loads(body)["rules"] if method == "POST" else []
                self._version += 1
                self._changed.notify_all()
            answer = json.dumps({"requests": self._log} if path == "/_log" else {})
        start_response("200 OK", [("Content-Type", "application/json")])
        return [answer.encode()]


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - the name of the overridden one
        """Say nothing."""

    def connection_dropped(self, error: BaseException, environ: Any = None) -> None:
        """Say nothing."""


def main() -> None:
    """Serve until the process that started this closes our standard input."""
    server = make_server("127.0.0.1", 0, Front(), threaded=True, request_handler=_Quiet)
    server.daemon_threads = True
    print(json.dumps({"url": f"http://127.0.0.1:{server.server_port}"}), flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    while os.read(0, 1):
        pass


if __name__ == "__main__":
    main()
