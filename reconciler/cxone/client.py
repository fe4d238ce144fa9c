"""The client of one target's API: what engine and jobs call.

Writes are conditional, and **every error of a write but `OutcomeUnknown` means that it was not carried out**. The client never
sends a write again after its answer was lost: the caller does, with the same pin and idempotency key, when it chooses to.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from reconciler.core.kind import Kind, Kinds
from reconciler.core.resource import Observed, Pin
from reconciler.cxone.answers import Unusable, read_resource
from reconciler.cxone.attempt import Http
from reconciler.cxone.auth import TokenSource
from reconciler.cxone.bodies import JSON, MERGE_PATCH, Body, encode
from reconciler.cxone.limiter import Limiter
from reconciler.cxone.message import Answer, Call, Failure, OnRequest
from reconciler.cxone.paging import Listing, Pager, Query
from reconciler.cxone.preconditions import precondition
from reconciler.cxone.retry import Policy
from reconciler.cxone.routes import Routes, label_of, wire_of, with_query
from reconciler.cxone.sender import NO_CONTENT, Sender
from reconciler.cxone.settings import EMBEDDED_URL, TargetApi
from reconciler.cxone.status import unknown
from reconciler.cxone.text import Redact, without
from reconciler.cxone.timing import Timing
from reconciler.cxone.transcript import HEADERS, transcript
from reconciler.cxone.transport import build_transport
from reconciler.errors import BadAnswer, InvalidProject, NotFound, ReconcilerError

if TYPE_CHECKING:
    from reconciler.cxone.stream import EventStream, StreamNews


class Client:
    """Talks to one target; use it as an async context manager.

    ``scopes`` are those that the command needs. With ``read_only`` no write can leave. ``app`` is an ASGI application that is
    driven in this process in place of a server. ``on_request`` is told of every attempt; ``redact`` removes from servers' texts
    what must not be shown (the client's own secret and token are removed anyway). ``tell`` takes the lines of a transcript at a
    level of ``detail`` (`reconciler.cxone.transcript`), each attempt's behind its ``on_request``.
    """

    def __init__(
        self,
        api: TargetApi,
        kinds: Kinds,
        *,
        scopes: Sequence[str],
        read_only: bool,
        app: Any | None = None,
        on_request: OnRequest | None = None,
        redact: Redact = str,
        tell: Callable[[str], None] | None = None,
        detail: int = 0,
        timing: Timing | None = None,
        policy: Policy | None = None,
    ) -> None:
        strange = sorted(set(api.paths) - set(kinds))
        if strange:
            raise InvalidProject(f"api.paths of target {api.name} names no kind: {', '.join(strange)}")
        self._api = api
        self._timing = timing or Timing()
        self._routes = Routes(api, EMBEDDED_URL if app is not None else api.url)
        self._transport = build_transport(
            api, token_url=self._routes.token_url, read_only=read_only, app=app, tls=self._routes.any_tls
        )
        self._tell, self._detail = tell, detail
        on_exchange = self._transcribe if tell is not None and detail >= HEADERS else None
        self._http = Http(api, self._transport, self._timing, on_request, on_exchange)
        self._limiter = Limiter(
            requests_per_second=api.requests_per_second, max_concurrency=api.max_concurrency, timing=self._timing
        )
        self._more_redaction = redact
        self._listings: dict[str, Listing] | None = None
        self._sender = Sender(self._http, self._limiter, policy or Policy(), self._timing, self._redact)
        self._tokens = TokenSource(api.auth, self._routes.token_url, scopes, self._sender, self._timing)

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._transport.aclose()

    def allow_writes_while(self, check: Callable[[], None]) -> None:
        """From now on ask ``check`` before every attempt at a write, repeated ones too; what it raises is raised as it is."""
        self._http.may_write = check

    @property
    def requests(self) -> int:
        """API requests made so far, every attempt counted, token requests not."""
        return self._http.methods.total()

    @property
    def requests_by_method(self) -> Mapping[str, int]:
        """The same by method."""
        return dict(self._http.methods)

    @property
    def token_requests(self) -> int:
        """Token requests made so far."""
        return self._http.token_requests

    @property
    def rate(self) -> float | None:
        """Requests per second that the limiter allows at present; None where only the number in flight is bounded."""
        return self._limiter.rate

    def remember(self) -> None:
        """Keep listings from now on, and ask only whether they have changed: for those who list again and again.

        An unchanged collection gives the very same list.
        """
        self._listings = {}

    async def authenticate(self) -> tuple[str, ...]:
        """Get a token, where there is none yet, and give the scopes that the server says it granted (empty: it did not say)."""
        await self._tokens.current()
        return self._tokens.granted

    async def list(self, kind: Kind, *, name: str | None = None) -> list[Observed]:
        """Give all live resources of a kind, or those of exactly this name: one complete and consistent listing."""
        url = self._routes.collection(kind, None if name is None else {"name": name})

        async def fetch(query: Query, known: str) -> Answer:
            headers = {"If-None-Match": f'"{known}"'} if known else {}
            return await self._send(kind, "GET", with_query(url, query), headers)

        pager = Pager(
            kind,
            self._api.pagination,
            fetch,
            size=self._api.effective_page_size,
            at_once=self._api.max_concurrency,
            label=f"GET {label_of(url)}",
            redact=self._redact,
        )
        if name is not None:
            return [item for item in (await pager.all()).items if item.name == name]
        found = await pager.all(self._listings.get(kind.name) if self._listings is not None else None)
        if self._listings is not None:
            self._listings[kind.name] = found
        return found.items

    async def get(self, kind: Kind, id: str) -> Observed | None:  # noqa: A002 - the API's own word
        """Give one resource, None where the API says that it does not exist."""
        try:
            answer = await self._send(kind, "GET", self._routes.item(kind, id))
        except NotFound:
            return None
        try:
            return read_resource(kind, answer, self._redact, id_=id)
        except Unusable as error:
            raise BadAnswer(
                f"GET {label_of(self._routes.item(kind, id))} was answered {answer.status}, but {error} "
                f"(request {answer.request_id})",
                fix="check url and api.paths of the target",
                status=answer.status,
                request_id=answer.request_id,
            ) from error

    async def create(self, kind: Kind, body: Body, *, idempotency_key: str) -> Observed:
        """Create a resource if none of its name exists; the same key and body again give the first answer again.

        Raises `PreconditionFailed` where the name is taken.
        """
        headers = {"Content-Type": JSON, "If-None-Match": "*", "Idempotency-Key": idempotency_key}
        return await self._write(kind, "POST", self._routes.collection(kind), headers, body, id_=None)

    async def update(self, kind: Kind, id: str, body: Body, *, pin: Pin) -> Observed:  # noqa: A002
        """Change a resource that is still as ``pin`` saw it: a merge patch (RFC 7396), or all of it for kinds updated by PUT.

        Raises `PreconditionFailed` where it moved.
        """
        method = wire_of(kind).update
        headers = {"Content-Type": MERGE_PATCH if method == "PATCH" else JSON, **precondition(kind, pin)}
        return await self._write(kind, method, self._routes.item(kind, id), headers, body, id_=id)

    async def delete(self, kind: Kind, id: str, *, pin: Pin, force: bool = False) -> None:  # noqa: A002
        """Delete a resource that is still as ``pin`` saw it, or deactivate it where the API has no delete.

        With ``force`` the records that it holds go with it; without, the API refuses (contract: Dataset). Raises `PreconditionFailed` where it moved, `NotFound` where it is gone already.
        """
        wire = wire_of(kind)
        if wire.deactivate is not None:
            await self.update(kind, id, wire.deactivate, pin=pin)
            return
        forced = kind.table.forced_delete if force and kind.table is not None else {}
        url = self._routes.item(kind, id, {**wire.delete_query, **forced})
        await self._send(kind, "DELETE", url, precondition(kind, pin), wants_json=False)

    def address(self, kind: Kind, id: str, *parts: str) -> str:  # noqa: A002 - the API's own word
        """The URL below a resource: ``address(connector, id, "sync")``. Raises `BadAnswer` for parts that would leave it."""
        if any(part in ("", ".", "..") for part in parts):
            raise BadAnswer(f"{parts!r} cannot be part of an address", fix="the server gave an id that is none")
        return "/".join([self._routes.item(kind, id), *(quote(part, safe="") for part in parts)])

    async def exchange(
        self,
        method: str,
        path: str,
        *,
        body: Body | None = None,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
        scopes: Sequence[str] = (),
        repeatable: bool | None = None,
        expected: Collection[int] = (),
    ) -> Answer:
        """Make any other call of the API and give its answer; ``value`` is the parsed body, None for an empty 204.

        ``path`` is under the target's URL, or from `address`. ``repeatable`` marks a call that may be sent again although its
        answer was lost; unless it is set, only safe methods are. ``expected`` are statuses other than 2xx whose answers are given too, unparsed.
        """
        url = with_query(self._routes.absolute(path), query)
        content = None if body is None else encode(body)
        sent = {"Content-Type": JSON} if content is not None else {}
        all_headers = {**sent, **(headers or {})}
        call = Call(
            method,
            url,
            label_of(url),
            all_headers,
            content,
            scopes=tuple(scopes),
            repeatable=repeatable,
            expected=frozenset(expected),
        )
        return await self._sender.send(call, self._tokens)

    def stream(self, kind: Kind, id: str, tell: Callable[[StreamNews], None]) -> EventStream:  # noqa: A002
        """The events of a stream, not yet connected; ``tell`` is told of its connections. Loads the WebSocket library."""
        from reconciler.cxone.stream import STREAM_PATH, EventStream

        url = self._routes.beside(kind, STREAM_PATH.format(id=quote(id, safe="")))
        return EventStream(self._api, url, self._tokens, timing=self._timing, redact=self._redact, tell=tell)

    async def _write(
        self, kind: Kind, method: str, url: str, headers: Mapping[str, str], body: Body, *, id_: str | None
    ) -> Observed:
        call = self._call(kind, method, url, headers, encode(body))
        answer = await self._sender.send(call, self._tokens)
        if answer.status == NO_CONTENT and id_ is not None:
            try:
                found = await self.get(kind, id_)
            except ReconcilerError as error:
                # An error of the reading, which says nothing of the write: that has been carried out.
                raise unknown(call, answer, f"what it left could not be read: {error.message}") from error
            if found is not None:
                return found
        try:
            return read_resource(kind, answer, self._redact, id_=id_)
        except Unusable as error:
            raise unknown(call, answer, str(error)) from error

    async def _send(
        self, kind: Kind, method: str, url: str, headers: Mapping[str, str] | None = None, *, wants_json: bool = True
    ) -> Answer:
        return await self._sender.send(
            self._call(kind, method, url, headers or {}, wants_json=wants_json), self._tokens
        )

    def _call(
        self,
        kind: Kind,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes | None = None,
        *,
        wants_json: bool = True,
    ) -> Call:
        wire = wire_of(kind)
        scopes = wire.read_scopes if method == "GET" else wire.write_scopes
        return Call(
            method,
            url,
            label_of(url),
            headers,
            content,
            scopes=scopes,
            stale_codes=wire.stale_codes,
            wants_json=wants_json,
        )

    def _transcribe(self, call: Call, headers: Mapping[str, str], outcome: Answer | Failure) -> None:
        assert self._tell is not None
        for line in transcript(call, headers, outcome, detail=self._detail, redact=self._redact):
            self._tell(line)

    def _redact(self, text: str) -> str:
        own = without((self._api.auth.client_secret.reveal(), *self._tokens.held()))
        return self._more_redaction(own(text))
