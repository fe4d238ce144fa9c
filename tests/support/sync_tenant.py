"""A tenant of the tests that speaks just enough of the contract for extension syncs, and does with each sync what a script says.

The emulator does what a good tenant does; this one is late, early, silent, forgetful or wrong, exactly when a test wants it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2 as httpx

from tests.support.loopback import JsonHandler, served

SECRET = "webhook-secret-of-the-tests"  # the emulator and this tenant sign with it
EXTENSION = "xt1"
FIELDS: list[dict[str, Any]] = [
    {"name": "id", "type": "string", "maxLength": 20, "nullable": False},
    {"name": "name", "type": "string", "maxLength": 40},
    {"name": "age", "type": "number"},
    {"name": "since", "type": "date"},
    {"name": "active", "type": "boolean"},
]
COLLECTION = "/api/v2/data/extensions"
WAITING_SECONDS = 60.0

Script = Callable[["SyncTenant", str], None]


@dataclass
class SyncTenant:
    """``script`` is run in a thread of its own once the answer to a start has been sent; ``script`` None leaves syncs running.

    ``lose_answers`` is how many starts are carried out and not answered. ``starts`` are the start requests as they came, with
    their idempotency keys; ``jobs`` what a status request is answered.
    """

    url: str = ""
    script: Script | None = None
    fields: list[dict[str, Any]] = field(default_factory=lambda: [dict(item) for item in FIELDS])
    lose_answers: int = 0
    before_answer: Callable[[SyncTenant, str], None] | None = None
    health_status: int = 202
    refuse_start: tuple[int, dict[str, Any]] | None = None
    starts: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    health: list[dict[str, Any]] = field(default_factory=list)
    asked: int = 0
    problems: list[BaseException] = field(default_factory=list)
    deliveries: list[int] = field(default_factory=list)
    _ids: dict[str, str] = field(default_factory=dict)
    _requests: dict[str, dict[str, Any]] = field(default_factory=dict)
    _began: threading.Event = field(default_factory=threading.Event)
    _asked: threading.Condition = field(default_factory=threading.Condition)

    def wait_for_start(self) -> str:
        """Wait until a sync was started, and give its id."""
        assert self._began.wait(WAITING_SECONDS)
        return list(self.jobs)[-1]

    def wait_for_question(self, number: int) -> None:
        """Wait until the status was asked for so many times."""
        with self._asked:
            assert self._asked.wait_for(lambda: self.asked >= number, WAITING_SECONDS)

    def fetch(self, job: str) -> list[dict[str, Any]]:
        """Fetch the source of a sync page by page, as a tenant does."""
        url: str | None = self._requests[job]["sourceEndpoint"]
        found: list[dict[str, Any]] = []
        with client() as http:
            while url is not None:
                page = http.get(url).raise_for_status().json()
                found += page["records"]
                url = page["next"]
        return found

    def end(self, job: str, status: str = "COMPLETED", **more: Any) -> None:
        """Let a sync be found in another state from now on."""
        self.jobs[job] = body(job, status, **more)

    def deliver(self, job: str, **options: Any) -> int:
        """Call the webhook with what is true of a sync, and give the status of the answer."""
        url = self._requests[job]["webhookUrl"]
        status = deliver(url, options.pop("body", self.jobs[job]), **options)
        self.deliveries.append(status)
        return status

    def start(self, key: str, request: dict[str, Any]) -> str:
        """Take a start: the same key never begins a second sync."""
        self.starts.append((key, request))
        if key not in self._ids:
            job = f"sync_{len(self._ids) + 1}_{EXTENSION}"
            self._ids[key] = job
            self._requests[job] = request
            self.jobs[job] = body(job, "RUNNING")
            if self.before_answer is not None:
                self._attempt(self.before_answer, job)
        return self._ids[key]

    def run_script(self, job: str) -> None:
        """Do what the test wants, once the answer is out."""
        self._began.set()
        if self.script is not None:
            self._attempt(self.script, job)

    def question(self) -> None:
        """Count a status request."""
        with self._asked:
            self.asked += 1
            self._asked.notify_all()

    def _attempt(self, script: Script, job: str) -> None:
        try:
            script(self, job)
        except BaseException as error:  # noqa: BLE001 - the test looks at it in its own thread
            self.problems.append(error)
            self.end(job, "FAILED")


def body(
    job: str,
    status: str,
    total: int = 0,
    processed: int | None = None,
    rejected: int = 0,
    errors: list[dict[str, Any]] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A status body."""
    done = total - rejected if processed is None else processed
    return {
        "syncJobId": job,
        "extensionId": EXTENSION,
        "status": status,
        "progress": {"totalRecords": total, "processedRecords": done, "rejectedRecords": rejected},
        "errors": errors or [],
        "errorsTruncated": False,
        "completedAt": None,
        **more,
    }


def malformed(record: str, **corrections: Any) -> dict[str, Any]:
    """An error about one record."""
    return {"type": "MALFORMED_RECORD", "recordId": record, "message": "no", "suggestedCorrections": corrections}


def signed(content: bytes, *, secret: str = SECRET, at: float | None = None, delivery: str = "d-1") -> dict[str, str]:
    """The headers of a delivery (contract: Operations), by this file's own reading."""
    stamp = str(int(time.time() if at is None else at))
    digest = hmac.new(secret.encode(), stamp.encode() + b"." + content, hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/json",
        "X-CXone-Timestamp": stamp,
        "X-CXone-Delivery": delivery,
        "X-CXone-Signature": f"sha256={digest}",
    }


def deliver(
    url: str,
    said: Any,
    *,
    headers: Mapping[str, str | bytes] | None = None,
    content: bytes | None = None,
    **options: Any,
) -> int:
    """POST a delivery; ``headers`` replace the right ones, ``content`` the right body."""
    text = json.dumps(said).encode()
    replaced = {name: value if isinstance(value, bytes) else value.encode() for name, value in (headers or {}).items()}
    made = {**{name: value.encode() for name, value in signed(text, **options).items()}, **replaced}
    with client() as http:
        return int(http.post(url, content=text if content is None else content, headers=made).status_code)


def client() -> httpx.Client:
    """A client for plain HTTP. It keeps no connection, which a server may close just when it is used again."""
    limits = httpx.Limits(max_keepalive_connections=0)
    return httpx.Client(timeout=30, trust_env=False, verify=False, limits=limits)


@contextmanager
def sync_tenant(*, tls: ssl.SSLContext | None = None, **options: Any) -> Iterator[SyncTenant]:
    """Serve one on a loopback port. Whatever its scripts failed at is raised at the end.

    With ``tls`` it is reached at 0.0.0.0, which is no loopback address and leads here all the same: a tenant elsewhere.
    """
    tenant = SyncTenant(**options)
    threads: list[threading.Thread] = []

    class Handler(JsonHandler):
        def serve(self, body: bytes) -> None:
            if self.command == "GET":
                self._get()
            else:
                self._post(body)

        def _get(self) -> None:
            path = self.path.partition("?")[0]
            if path == COLLECTION:
                item = {"id": EXTENSION, "name": "profile", "fields": tenant.fields, "etag": "e1"}
                self.answer(200, {"items": [item], "page": 1, "pageSize": 100, "total": 1, "nextPage": None})
            elif path == f"{COLLECTION}/{EXTENSION}/schema":
                self.answer(200, {"fields": tenant.fields})
            elif path.endswith("/status") and (job := path.split("/")[-2]) in tenant.jobs:
                said = tenant.jobs[job]
                self.answer(200, said)
                tenant.question()
            else:
                self.answer(404, {"code": "NOT_FOUND", "message": "there is no such thing"})

        def _post(self, text: bytes) -> None:
            if self.path.endswith("/token"):
                self.answer(200, {"access_token": "t", "token_type": "Bearer", "expires_in": 3600})
            elif self.path == "/api/v2/events/stream":
                tenant.health.append(json.loads(text))
                self.answer(tenant.health_status, {} if tenant.health_status < 300 else {"code": "NO", "message": "no"})
            elif self.path == f"{COLLECTION}/{EXTENSION}/sync":
                self._start(json.loads(text))
            else:
                self.answer(404, {"code": "NOT_FOUND", "message": "there is no such thing"})

        def _start(self, request: dict[str, Any]) -> None:
            if tenant.refuse_start is not None:
                self.answer(*tenant.refuse_start)
                return
            known = len(tenant.jobs)
            job = tenant.start(self.headers["idempotency-key"], request)
            if tenant.lose_answers > 0:
                tenant.lose_answers -= 1
                self.close_connection = True
            else:
                self.answer(202, {"syncJobId": job})
            if len(tenant.jobs) > known:
                thread = threading.Thread(target=tenant.run_script, args=(job,), daemon=True)
                threads.append(thread)
                thread.start()

    with served(Handler, tls) as port:
        tenant.url = f"http://127.0.0.1:{port}" if tls is None else f"https://0.0.0.0:{port}"
        try:
            yield tenant
        finally:
            for thread in threads:
                thread.join(WAITING_SECONDS)
    if tenant.problems:
        raise AssertionError("a script failed") from tenant.problems[0]
