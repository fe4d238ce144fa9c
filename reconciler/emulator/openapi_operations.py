"""The part of the OpenAPI description that is about operations on data: records and syncs. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.emulator import batch, health_events
from reconciler.emulator.fields import Doc
from reconciler.emulator.health_events import HEALTH_PATH, HEALTH_SCOPES
from reconciler.emulator.kind import Kind
from reconciler.emulator.openapi_parts import (
    ID,
    IDEMPOTENCY,
    closed,
    errors,
    parameter,
    request_body,
    security,
    success,
)
from reconciler.emulator.syncs import connector, request
from reconciler.emulator.syncs.progress import MAX_ERRORS
from reconciler.emulator.syncs.request import SYNC_SCOPES

_COUNT: Doc = {"type": "integer", "minimum": 0}
_JOB: Doc = {"type": "string", "pattern": "^sync_[0-9]{1,16}_[a-z0-9]{1,32}$"}
_STATUS: Doc = {"type": "string", "enum": ["PENDING", "RUNNING", "COMPLETED", "FAILED"]}


def operation_paths(kinds: Mapping[str, Kind]) -> Doc:
    """Give the paths of all operations on data."""
    dataset, crm, extension = kinds["Dataset"], kinds["Connector"], kinds["DataExtension"]
    return {
        dataset.collection + "/{id}/records": _ingest(dataset),
        crm.collection + "/{id}/sync": _start_connector_sync(crm),
        crm.collection + "/{id}/sync/{sync}": _connector_sync(crm),
        extension.collection + "/{id}/sync": _start_extension_sync(),
        extension.collection + "/{id}/sync/{sync}/status": _extension_sync(extension),
        HEALTH_PATH: _health_event(),
    }


def _repeatable(operation: str, scopes: frozenset[str], body: Doc, answers: Doc) -> Doc:
    """Describe a POST that an idempotency key makes safe to repeat; ``answers`` are all that it may get."""
    return {
        "operationId": operation,
        "security": security(scopes),
        "parameters": [IDEMPOTENCY],
        "requestBody": request_body(body),
        "responses": answers,
    }


def _ingest(kind: Kind) -> Doc:
    error = closed({"index": _COUNT, "code": {"type": "string"}, "message": {"type": "string"}})
    counts = {"processedCount": _COUNT, "failedCount": _COUNT, "errors": {"type": "array", "items": error}}
    answer = {"200": success("all of the batch is stored", closed(counts))}
    refused = errors(400, 401, 403, 404, 409, 413, 415, 422)
    post = _repeatable("ingestRecords", kind.write_scopes, batch.BODY.schema(), answer | refused)
    return {"parameters": [ID], "post": post}


def _start_connector_sync(kind: Kind) -> Doc:
    answer = {"202": success("it has begun", closed({"syncId": {"type": "string"}}), located=True)}
    refused = errors(400, 401, 403, 404, 409, 413, 415, 422)
    post = _repeatable("startConnectorSync", kind.write_scopes, connector.BODY.schema(), answer | refused)
    return {"parameters": [ID], "post": post}


def _connector_sync(kind: Kind) -> Doc:
    properties = {
        "syncId": {"type": "string"},
        "status": _STATUS,
        "recordsProcessed": _COUNT,
        "errorDetails": {"type": ["string", "null"]},
    }
    return _status("readConnectorSync", kind, "^[a-z0-9]{1,32}$", properties)


def _start_extension_sync() -> Doc:
    answer = {"202": success("it has begun", closed({"syncJobId": _JOB}), located=True)}
    refused = errors(400, 401, 403, 404, 413, 415, 422)
    post = _repeatable("startExtensionSync", SYNC_SCOPES, request.BODY.schema(), answer | refused)
    return {"parameters": [ID], "post": post}


def _extension_sync(kind: Kind) -> Doc:
    error = {
        "type": {"type": "string"},
        "recordId": {"type": ["string", "number", "boolean", "null"]},
        "message": {"type": "string"},
        "suggestedCorrections": {"type": "object"},
    }
    progress = dict.fromkeys(("totalRecords", "processedRecords", "rejectedRecords"), _COUNT)
    properties: Doc = {
        "syncJobId": _JOB,
        "extensionId": {"type": "string"},
        "status": _STATUS,
        "progress": closed(progress),
        "errors": {"type": "array", "items": closed(error), "maxItems": MAX_ERRORS},
        "errorsTruncated": {"type": "boolean"},
        "completedAt": {"type": ["string", "null"], "format": "date-time"},
    }
    return _status("readExtensionSync", kind, _JOB["pattern"], properties)


def _status(operation: str, kind: Kind, id_pattern: str, properties: Doc) -> Doc:
    """Describe the status of a sync, whose id has the pattern given."""
    return {
        "parameters": [ID, parameter("sync", "path", {"type": "string", "pattern": id_pattern}, required=True)],
        "get": {
            "operationId": operation,
            "security": security(kind.read_scopes),
            "responses": {"200": success("how far it is", closed(properties))} | errors(401, 403, 404),
        },
    }


def _health_event() -> Doc:
    answers = {"202": success("taken", closed({}))} | errors(400, 401, 403, 413, 415, 422)
    return {"post": _repeatable("pushHealthEvent", HEALTH_SCOPES, health_events.BODY.schema(), answers)}
