"""Runs one sink for ``reconciler run``: opens what it needs, tells what happens, and gives the account whatever happens."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from urllib.parse import unquote, urlsplit

import orjson

from reconciler.cxone.stream import StreamNews
from reconciler.errors import DatabaseUnusable, ReconcilerError, SecretUnavailable
from reconciler.jobs.context import JobContext
from reconciler.jobs.report import JobReport
from reconciler.jobs.stream_sink.database import Database, ServerDatabase
from reconciler.jobs.stream_sink.dry_run import dry_run
from reconciler.jobs.stream_sink.embedded import EmbeddedDatabase
from reconciler.jobs.stream_sink.events import compile_schema
from reconciler.jobs.stream_sink.intake import Intake, Source
from reconciler.jobs.stream_sink.outlet import Outlet, Target
from reconciler.jobs.stream_sink.replay import FileSource
from reconciler.jobs.stream_sink.settings import EMBEDDED, SinkSettings, read_settings
from reconciler.jobs.stream_sink.sink import Sink
from reconciler.jobs.stream_sink.spool import Spool
from reconciler.jobs.stream_sink.tally import Tally
from reconciler.loading.credentials import how_to_reach

REACHED = "database.json"
"""Which database and table this sink has reached before: it then begins even while they are away."""


async def run_sink(context: JobContext) -> JobReport:
    """Store events until the stream ends, a limit is reached, or a stop is asked for."""
    settings = read_settings(context.spec, context.manifest.spec)
    tally = Tally(context.metrics)
    with Spool(context.folder.make() / "spool", limit_bytes=settings.spool_bytes) as spool:
        tally.recovered = spool.recovered
        error: ReconcilerError | None = None
        async with _opened(context, settings) as database:
            if context.options.dry_run:
                return await dry_run(context, settings, database, spool.pending)
            try:
                await _store(context, settings, database, spool, tally)
            except ReconcilerError as caught:
                error = caught
        return _report(context, tally, spool, error)


async def _store(context: JobContext, settings: SinkSettings, database: Database, spool: Spool, tally: Tally) -> None:
    _say_what_is_left(context, spool)
    source = await _source(context, tally)
    options = context.options
    intake = Intake(source, spool, tally, context.warn, max_events=options.max_events, until_idle=options.until_idle)
    outlet = _outlet(context, settings, database, spool, intake, tally)
    with _audited(context, settings, spool, tally):
        await Sink(intake, outlet, spool, tally, context.stop, context.progress, context.note).run()


def _outlet(
    context: JobContext, settings: SinkSettings, database: Database, spool: Spool, intake: Intake, tally: Tally
) -> Outlet:
    """What writes to the database, and puts on record that it was reached."""
    mark = _mark(settings)

    def reached() -> None:
        if context.folder.read_json(REACHED) != mark:
            context.folder.write_json(REACHED, mark)

    return Outlet(
        Target(database, settings.plan, settings.dead_letters, str(context.key)),
        compile_schema(settings.schema),
        settings.batch,
        spool,
        intake,
        tally,
        warn=context.warn,
        known=context.folder.read_json(REACHED) == mark,
        reached=reached,
    )


@contextmanager
def _audited(context: JobContext, settings: SinkSettings, spool: Spool, tally: Tally) -> Iterator[None]:
    """Put into the audit log that the sink started, and, however it ends, what became of the events."""
    resource = f"streams/{context.spec.stream_ref}"
    context.audit.add("stream_sink_started", resource=resource, table=str(settings.plan.table))
    try:
        yield
    finally:
        account = tally.account(spool.pending)
        counts = {
            "read": account.read,
            "accepted": account.accepted,
            "deadLettered": account.rejected,
            "pending": account.pending,
        }
        context.audit.add("stream_sink_ended", resource=resource, counts=counts, connections=tally.connections)


def _say_what_is_left(context: JobContext, spool: Spool) -> None:
    if spool.recovered:
        context.note(f"{context.key}: {spool.recovered:,} events of an earlier run wait in the spool")
    for path in spool.damaged:
        context.warn(
            f"a part of the spool could not be read back, as after a crash or on a bad disk; it is kept in {path.name}"
        )


async def _source(context: JobContext, tally: Tally) -> Source:
    if context.options.replay is not None:
        return FileSource(context.options.replay)
    kind = context.session.workspace.kinds["EventStream"]
    stream = await context.resolve("EventStream", context.spec.stream_ref)

    renewed = False

    def tell(news: StreamNews) -> None:
        nonlocal renewed
        expected, renewed = renewed, news.what == "renewing"
        if news.what == "connected":
            tally.connected(tally.connections + 1)
            say = context.debug if expected else context.note
            say(f"{context.key}: {news.text} to stream {stream}")
        elif news.what == "renewing":
            context.debug(f"stream {stream}: {news.text}")
        elif news.what == "ended":
            context.note(f"{context.key}: {news.text}")
        else:
            context.metrics.count("stream_failures", about="Connections of the stream that failed or ended")
            context.warn(f"stream {stream}: {news.text}")

    return context.client.stream(kind, stream, tell)


@asynccontextmanager
async def _opened(context: JobContext, settings: SinkSettings) -> AsyncIterator[Database]:
    """The database of the manifest, and the end of it where it is our own."""
    application = f"reconciler {context.key}"
    secret = settings.database
    if not secret.resolved:
        raise SecretUnavailable(
            f"the database of {context.key} is not known here: {secret.reference} is out of reach",
            fix=how_to_reach(secret.reference),
        )
    url = secret.reveal()
    if url == EMBEDDED:
        database: Database = EmbeddedDatabase(context.folder.path.parents[1] / "postgres", application)
    else:
        database = _server(context, url, application)
    try:
        yield database
    finally:
        await database.aclose()


def _server(context: JobContext, url: str, application: str) -> ServerDatabase:
    """A server by its URL, whose password is kept out of everything that is shown from here on."""
    import psycopg

    try:
        password = unquote(urlsplit(url).password or "")
        database = ServerDatabase(url, application)
    except (ValueError, psycopg.ProgrammingError) as error:
        raise DatabaseUnusable(
            f"the database of {context.key} is no PostgreSQL URL", fix="write postgresql://user@host/database"
        ) from error
    context.session.revealed.update(text for text in (password, database.password) if text)
    return database


def _mark(settings: SinkSettings) -> dict[str, str]:
    """What tells one database and table from another, without telling what they are."""
    identity = orjson.dumps([settings.database.reveal(), str(settings.plan.table), str(settings.dead_letters)])
    return {"database": hashlib.sha256(identity).hexdigest()[:16]}


def _report(context: JobContext, tally: Tally, spool: Spool, error: ReconcilerError | None) -> JobReport:
    pending = spool.pending
    messages = []
    if tally.refused:
        messages.append(f"{tally.refused:,} events are in the dead-letter table, each with its reason")
    if pending:
        messages.append(f"{pending:,} events wait in the spool; the next run writes them first")
    return JobReport(
        context.key,
        account=tally.account(pending),
        metrics={
            "events_per_second": tally.rate,
            "batches": tally.batches,
            "connections": tally.connections,
            "recovered": tally.recovered,
        },
        messages=tuple(messages),
        files={"spool": str(context.folder.path / "spool")} if pending else {},
        error=error,
        signal=context.stop.signal if context.stop.requested else 0,
    )
