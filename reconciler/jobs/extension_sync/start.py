"""Starting the sync: schema first, then one request whose repetition starts no second job."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from typing import Any, Final

import orjson

from reconciler.core.values import Secret
from reconciler.errors import NotApplied, ResumeImpossible
from reconciler.jobs.context import JobContext
from reconciler.jobs.extension_sync.fields import Field, differences, read_fields
from reconciler.jobs.extension_sync.run_record import RunRecord, forget
from reconciler.jobs.tenant_sync import id_in, read_answer, request_start

KEY_SECONDS: Final = 24 * 3600.0
"""How long the tenant remembers an idempotency key (contract: Common rules)."""

READ: Final = ("data:read",)
SYNC: Final = ("data:sync", "data:write")


async def checked_fields(context: JobContext, extension: str) -> dict[str, Field]:
    """The declared fields, once the tenant's own schema is known to take what fits them.

    Raises `NotApplied` that lists everything that differs, and `BadAnswer` for a schema that is none.
    """
    name = context.spec.extension_ref
    declared = read_fields(context.declared("DataExtension", name).fields["fields"])
    kind = context.session.workspace.kinds["DataExtension"]
    answer = await context.client.exchange("GET", context.client.address(kind, extension, "schema"), scopes=READ)
    live = read_answer(
        answer,
        f"the schema of DataExtension/{name}",
        lambda value: read_fields(value.get("fields") if isinstance(value, dict) else None),
    )
    found = differences(declared, live, [item["target"] for item in _mappings(context)])
    if found:
        raise NotApplied(
            f"DataExtension/{name} is not in the tenant as it is declared: {'; '.join(found)}",
            fix=f"`reconciler apply -t {context.session.workspace.target.name}` first",
        )
    return declared


def _mappings(context: JobContext) -> list[dict[str, Any]]:
    reference = context.spec.field_mapping_ref
    return list(context.fragment("FieldMapping", reference)["mappings"]) if reference else []


def mapping_of(context: JobContext, fields: dict[str, Field], sent: Sequence[str] | None) -> list[dict[str, str]]:
    """``fieldMappings``; ``sent`` are the fields of records that are offered from here, which have the extension's names already."""
    if sent is not None:
        return [{"source": name, "target": name} for name in sent]
    mappings = _mappings(context)
    if mappings:
        return [{"source": item["source"], "target": item["target"]} for item in mappings]
    return [{"source": name, "target": name} for name in fields]


def source_url(context: JobContext) -> str:
    """The address that the manifest names; it may be held by a secret."""
    url = context.manifest.spec["source"]["url"]
    if not isinstance(url, Secret):
        return str(url)
    context.session.revealed.add(url.reveal())
    return url.reveal()


def request_body(
    context: JobContext, record: RunRecord, mapping: list[dict[str, str]], source: str, webhook: str | None
) -> bytes:
    """The request that starts the sync (contract: Operations). A replay never replaces what it does not bring."""
    options = context.spec.options
    body: dict[str, Any] = {
        "extensionId": record.extension,
        "sourceType": "REST",
        "sourceEndpoint": source,
        "fieldMappings": mapping,
        "syncMode": "INCREMENTAL" if record.replay else context.spec.sync_mode,
    }
    if webhook is not None:
        body["webhookUrl"] = webhook
    body["options"] = {
        "maxBatchSize": options.max_batch_size,
        "retryOnConflict": options.retry_on_conflict,
        "nullValueHandling": options.null_value_handling,
    }
    return orjson.dumps(body)


async def start(context: JobContext, record: RunRecord, body: bytes) -> str:
    """Start the sync and give its id; what is sent is on record before it is sent.

    Raises `ResumeImpossible` where nobody can tell any more whether an earlier attempt started one.
    """
    digest = hashlib.sha256(body).hexdigest()
    if record.digest:
        _check_repeatable(context, record, digest)
    else:
        record.digest, record.initiated_at = digest, time.time()
        record.save(context.folder)
    kind = context.session.workspace.kinds["DataExtension"]
    answer = await request_start(
        context,
        context.client.address(kind, record.extension, "sync"),
        body,
        idempotency_key=record.idempotency_key,
        scopes=SYNC,
        forget=lambda: forget(context.folder),
        in_the_way="wait until what is in the way has ended, then run it again",
    )
    job = id_in(answer, "syncJobId", "the sync", fix="--resume asks once more, and starts no second one")
    context.audit.add(
        "extension_sync_started",
        resource=f"extensions/{record.extension}",
        jobId=job,
        requestId=answer.request_id,
        status=answer.status,
        counts={"read": record.read, "quarantined": record.quarantined, "offered": record.served},
        payloadSha256=digest,
    )
    context.note(f"{context.key}: sync {job} started")
    return job


def _check_repeatable(context: JobContext, record: RunRecord, digest: str) -> None:
    """Refuse to send again what the tenant could no longer recognise; raises `ResumeImpossible`."""
    if record.digest != digest:
        raise ResumeImpossible(
            f"{context.key} or its target changed since it was interrupted while it was starting a sync, which may be running",
            fix="undo the change and resume, or look in the tenant and run it anew, without --resume",
        )
    if time.time() - record.initiated_at > KEY_SECONDS:
        raise ResumeImpossible(
            f"{context.key} was interrupted more than a day ago while it was starting a sync: the tenant cannot tell any more "
            "whether it did",
            fix="look in the tenant; then run it anew, without --resume",
        )
