"""The two servers of a run: the pages that the tenant fetches, and the webhook that it calls. On resume they keep their addresses."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack

import anyio

from reconciler.core.values import Secret
from reconciler.errors import JobError, SecretUnavailable
from reconciler.jobs.context import JobContext
from reconciler.jobs.extension_sync import serving
from reconciler.jobs.extension_sync.pages import Pages, PageServer, new_token
from reconciler.jobs.extension_sync.receiver import Receiver
from reconciler.jobs.extension_sync.records import SyncRecords
from reconciler.jobs.extension_sync.run_record import RunRecord
from reconciler.loading.credentials import how_to_reach
from reconciler.loading.manifest import Job as Manifest

_ANY_PORT = "127.0.0.1:0"


async def offer_pages(context: JobContext, record: RunRecord, stack: AsyncExitStack) -> str:
    """Serve the pages for as long as the stack is open, and give the first one's URL.

    Raises `JobError` where the tenant could not reach it, or where the port that it knows is taken.
    """
    serve = getattr(context.spec.source, "serve", None)
    listen, public = (serve.listen, serve.public_url) if serve is not None else (_ANY_PORT, None)
    resumed = bool(record.digest)
    bound = serving.bind(listen, port=record.page_port if resumed else 0, what="the server of the records")
    stack.callback(bound.close)
    port = serving.port_of(bound)
    url = public or serving.own_url(listen, port)
    if serving.is_local(url) and not serving.is_local(context.base_url):
        raise JobError(
            f"the tenant cannot fetch records from {url}, which is this machine by itself",
            fix="write source.serve.listen and the publicUrl under which the tenant reaches it",
        )
    record.token = record.token or new_token()
    record.page_port = port
    context.session.revealed.add(record.token)
    server = PageServer(Pages(context.folder), url, record.token)
    await stack.enter_async_context(serving.serving(server, bound))
    return server.address(0)


async def open_webhook(
    context: JobContext, record: RunRecord, records: SyncRecords, stack: AsyncExitStack, started: anyio.Event
) -> str | None:
    """Receive webhooks for as long as the stack is open, and give their URL; None where there are none.

    A webhook that cannot be had costs nothing but time: the job asks, and says so.
    """
    webhook = context.spec.webhook
    if webhook is None:
        return None
    resumed = bool(record.digest)
    if resumed and not record.webhook_port:
        return None
    secret = webhook_secret(context.manifest)
    if secret is not None:
        context.session.revealed.add(secret)
    try:
        bound = serving.bind(webhook.listen, port=record.webhook_port if resumed else 0, what="the webhook")
    except JobError as error:
        if not (resumed and record.sync_job):
            raise
        context.warn(f"{error.message}; the job asks instead")
        return None
    stack.callback(bound.close)
    port = serving.port_of(bound)
    url = webhook.public_url or serving.own_url(webhook.listen, port)
    if serving.is_local(url) and not serving.is_local(context.base_url):
        context.warn(f"the tenant cannot call {url}: write webhook.publicUrl; the job asks instead")
        return None
    record.webhook_port = port
    receiver = Receiver(records, secret, time.time, started=started, noticed=context.warn)
    await stack.enter_async_context(serving.serving(receiver, bound))
    return str(url)


def webhook_secret(manifest: Manifest) -> str | None:
    """The secret that signs deliveries; None where none is declared. Raises `SecretUnavailable` where it is out of reach."""
    declared = (manifest.spec.get("webhook") or {}).get("secret")
    if declared is None:
        return None
    if not isinstance(declared, Secret) or not declared.resolved:
        fix = how_to_reach(declared.reference) if isinstance(declared, Secret) else "check its provider"
        raise SecretUnavailable(f"{manifest.key}: webhook.secret is not available here", fix=fix)
    return declared.reveal()
