"""What a run would meet: the stream's state, and the tables made or compared. Nothing is received, since it would be gone."""

from __future__ import annotations

import psycopg

from reconciler.errors import NotApplied
from reconciler.jobs.context import JobContext
from reconciler.jobs.report import Account, JobReport
from reconciler.jobs.stream_sink.columns import TablePlan
from reconciler.jobs.stream_sink.database import Database, preview_tables, unusable
from reconciler.jobs.stream_sink.events import Preparer, compile_schema
from reconciler.jobs.stream_sink.replay import FileSource
from reconciler.jobs.stream_sink.settings import SinkSettings


async def dry_run(context: JobContext, settings: SinkSettings, database: Database, pending: int) -> JobReport:
    """Check everything that a run needs. With ``--replay`` its events are checked, too, and counted as pending."""
    messages = []
    plan = settings.plan
    try:
        connection = await database.open()
        try:
            plan, found = await preview_tables(connection, plan, settings.dead_letters, context.warn)
            messages += found
        finally:
            await connection.close()
    except psycopg.Error as error:
        raise unusable(database, error, secret=database.password) from error
    if context.options.replay is None:
        messages.append(await _stream_state(context))
        if pending:
            messages.append(f"{pending:,} events of an earlier run wait in the spool")
        return JobReport(context.key, messages=tuple(messages), dry_run=True)
    account, reasons = await _checked(FileSource(context.options.replay), settings, plan)
    return JobReport(context.key, account=account, messages=(*messages, *reasons), dry_run=True)


async def _stream_state(context: JobContext) -> str:
    kind = context.session.workspace.kinds["EventStream"]
    stream = await context.resolve("EventStream", context.spec.stream_ref)
    found = await context.client.get(kind, stream)
    if found is None:
        raise NotApplied(f"EventStream/{context.spec.stream_ref} is not in the tenant any more", fix="apply it again")
    return f"stream {stream} is {str(found.body.get('status', 'there')).lower()}"


async def _checked(source: FileSource, settings: SinkSettings, plan: TablePlan) -> tuple[Account, list[str]]:
    preparer = Preparer(compile_schema(settings.schema), plan)
    read = refused = 0
    reasons: dict[str, None] = {}
    try:
        while (messages := await source.receive()) is not None:
            batch = preparer.prepare(messages, [0.0] * len(messages))
            read += len(messages)
            refused += len(batch.refused)
            reasons |= dict.fromkeys(item.reason for item in batch.refused[:5])
    finally:
        await source.aclose()
    shown = [f"refused: {reason}" for reason in list(reasons)[:5]]
    return Account(read=read, quarantined=refused, pending=read - refused), shown
