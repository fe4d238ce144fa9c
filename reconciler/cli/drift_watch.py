"""``reconciler drift --watch``: looking again and again, with metrics to scrape and a message whenever something changes."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from reconciler.cli.common import Settings, document
from reconciler.errors import UsageError

if TYPE_CHECKING:
    from reconciler.engine.drift import Drift
    from reconciler.engine.session import Session
    from reconciler.engine.watch import Round, Watch
    from reconciler.jobs.metrics import Collector

WebhookFormat = Literal["json", "slack"]


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """How to watch: every ``seconds``; where to serve metrics; whom to tell, in which form."""

    seconds: float
    unmanaged: bool = False
    metrics: tuple[str, int] | None = None
    webhook: str = ""
    webhook_format: WebhookFormat = "json"


def check_webhook(url: str) -> str:
    """The URL itself, if it can be posted to. It may hold a secret and is not repeated in messages; raises `UsageError`."""
    try:
        parts = urlsplit(url)
        local = parts.hostname in ("127.0.0.1", "localhost", "::1")
        good = bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and local))
    except ValueError:
        good = False
    if not good:
        raise UsageError("--webhook takes an https:// URL (http:// only for this machine)")
    return url


def watch(settings: Settings, options: WatchOptions) -> int:
    """Watch until a signal comes; returns the exit code."""
    import anyio

    from reconciler.engine.session import Session
    from reconciler.engine.watch import Watch
    from reconciler.engine.watch_metrics import WatchMetrics

    metrics = WatchMetrics(settings.target)

    def opened(stack: ExitStack) -> Session:
        return stack.enter_context(
            Session.open(settings.directory, settings.target, debug=settings.debug, detail=settings.verbose)
        )

    async def work() -> int:
        teller = _Teller(settings, options, metrics.update)
        return await _until_stopped(Watch(opened, teller.tell, unmanaged=options.unmanaged), options.seconds)

    with _served(metrics, options.metrics):
        try:
            return 128 + anyio.run(work)
        except BaseExceptionGroup as group:
            raise _only(group) from None


async def _until_stopped(watch: Watch, seconds: float) -> int:
    """Let a watch look until SIGINT or SIGTERM comes; returns which of them it was."""
    import anyio

    number = 0
    stopped = anyio.Event()
    async with anyio.create_task_group() as group:
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:

            async def listen() -> None:
                nonlocal number
                async for came in signals:
                    number = number or came
                    stopped.set()

            group.start_soon(listen)
            try:
                await watch.run(seconds, stopped)
            finally:
                group.cancel_scope.cancel()
    return number


def _only(group: BaseExceptionGroup[Any]) -> BaseException:
    """The first error of a task group: here only one task can fail."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _served(metrics: Collector, place: tuple[str, int] | None) -> ExitStack:
    stack = ExitStack()
    if place is not None:
        from reconciler.jobs.metrics import serve_metrics

        stack.callback(serve_metrics(metrics, place))
    return stack


@dataclass(slots=True)
class _Teller:
    """Takes every round: figures always, everything else when the state changes."""

    settings: Settings
    options: WatchOptions
    update: Callable[[Round], None]
    _failing: str = ""
    _shown: str | None = None
    _unreached: str = ""

    async def tell(self, last: Round, changed: bool) -> bool:
        """Show and post what changed; returns whether the webhook, if any, has taken it."""
        self.update(last)
        self._outage(last)
        if last.error is None and last.state != self._shown:
            self._show(last)
            self._shown = last.state
        if not changed or not self.options.webhook:
            return True
        return await self._post(last)

    def _outage(self, last: Round) -> None:
        """Say once that looking fails, and once that it works again."""
        message = last.error.message if last.error else ""
        if message and not self._failing:
            self.settings.note(
                f"warning: cannot look for drift: {message}; trying again every {self.options.seconds:g} s"
            )
        elif self._failing and not message:
            self.settings.note("looking for drift works again")
        self._failing = message

    def _show(self, last: Round) -> None:
        assert last.drift is not None
        if self.settings.format == "json":
            document(_json_line(self.settings.target, last))
            return
        from reconciler.engine.clock import stamp
        from reconciler.render.drift_text import render_drift_text

        text = render_drift_text(last.drift.plan, width=self.settings.width, color=self.settings.color)
        document(f"{stamp(last.at)} {text}")

    async def _post(self, last: Round) -> bool:
        from reconciler.cxone.callback import call_back
        from reconciler.engine.watch_message import body_for

        assert last.drift is not None
        body = body_for(self.options.webhook_format, self.settings.target, last.drift, last.at, last.since)
        problem = await call_back(self.options.webhook, body)
        if problem and problem != self._unreached:
            self.settings.note(f"warning: the webhook was not told: {problem}; trying again with the next look")
        self._unreached = problem
        return not problem


def _json_line(target: str, last: Round) -> str:
    import orjson

    from reconciler.engine.watch_message import generic_body

    assert last.drift is not None
    return orjson.dumps(generic_body(target, last.drift, last.at, last.since)).decode()


def post_drift(settings: Settings, found: Drift, url: str, form: WebhookFormat) -> None:
    """Tell a webhook of drift once; one that cannot be told is a warning, for the drift was found all the same."""
    from reconciler.cxone.callback import call_back
    from reconciler.engine.clock import now
    from reconciler.engine.drift import begun
    from reconciler.engine.session import run
    from reconciler.engine.watch_message import body_for

    since = min((moment for change in found.plan.drifted if (moment := begun(change))), default=None)
    body = body_for(form, settings.target, found, now(), since)
    if problem := run(lambda: call_back(check_webhook(url), body)):
        settings.note(f"warning: the webhook was not told: {problem}")
