"""The part of the OpenAPI description that is about operations on data: records and syncs. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from reconciler.emulator import batch, health_events
from reconciler.emulator.fields import Doc
from reconciler.emulator.health_events import HEALTH_PATH, HEALTH_SCOPES
from reconciler.emulator.http import JSON
from reconciler.emulator.idempotency import MAX_KEY_LENGTH
from reconciler.emulator.kind import Kind
from reconciler.emulator.syncs import connector, request
from reconciler.emulator.syncs.progress import MAX_ERRORS
from reconciler.emulator.syncs.request import SYNC_SCOPES

_ID: Doc = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "pattern": "^[a-z0-9]{1,32}$"}}
_IDEMPOTENCY: Doc = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "pattern": "^[!-~]+$", "minLength": 1, "maxLength": MAX_KEY_LENGTH},
    "description": "makes repeating safe for 24 h",
}
_COUNT: Doc = {"type": "integer", "minimum": 0}
_JOB: Doc = {"type": "string", "pattern": "^sync_[0-9]{1,16}_[a-z0-9]{1,32}$"}
_STATUS: Doc = {"type": "string", "enum": ["PENDING", "RUNNING", "COMPLETED", "FAILED"]}


class Describer(Protocol):
    """What is taken from the description of the resources."""

    def error(self, *statuses: int) -> Doc:
        """Give the responses for error statuses."""

    def success(self, description: str, schema: Doc, *, tagged: bool, located: bool = False) -> Doc:
        """Give a response with a body."""


def _closed(properties: Doc, *optional: str) -> Doc:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _sync_id(pattern: str) -> Doc:
    return {"name": "sync", "in": "path", "required": True, "schema": {"type": "string", "pattern": pattern}}


def _security(scopes: frozenset[str]) -> list[Doc]:
    return [{"oauth2": [scope]} for scope in sorted(scopes)]


def _body(schema: Doc) -> Doc:
    return {"required": True, "content": {JSON: {"schema": schema}}}


def operation_paths(describer: Describer, kinds: Mapping[str, Kind]) -> Doc:
    """Give the paths of all operations on data."""
    dataset, crm, extension = kinds["Dataset"], kinds["Connector"], kinds["DataExtension"]
    return {
        dataset.collection + "/{id}/records": _ingest(describer, dataset),
        crm.collection + "/{id}/sync": _start_connector_sync(describer, crm),
        crm.collection + "/{id}/sync/{sync}": _connector_sync(describer, crm),
        extension.collection + "/{id}/sync": _start_extension_sync(describer),
        extension.collection + "/{id}/sync/{sync}/status": _extension_sync(describer, extension),
        HEALTH_PATH: _health_event(describer),
    }


def _ingest(describer: Describer, kind: Kind) -> Doc:
    error = _closed({"index": _COUNT, "code": {"type": "string"}, "message": {"type": "string"}})
    counts = {"processedCount": _COUNT, "failedCount": _COUNT, "errors": {"type": "array", "items": error}}
    answer = describer.success("all of the batch is stored", _closed(counts), tagged=False)
    return {
        "parameters": [_ID],
        "post": {
            "operationId": "ingestRecords",
            "security": _security(kind.write_scopes),
            "parameters": [_IDEMPOTENCY],
            "requestBody": _body(batch.BODY.schema()),
            "responses": {"200": answer} | describer.error(400, 401, 403, 404, 409, 413, 415, 422),
        },
    }


def _start_connector_sync(describer: Describer, kind: Kind) -> Doc:
    begun = describer.success("it has begun", _closed({"syncId": {"type": "string"}}), tagged=False, located=True)
    return {
        "parameters": [_ID],
        "post": {
            "operationId": "startConnectorSync",
            "security": _security(kind.write_scopes),
            "parameters": [_IDEMPOTENCY],
            "requestBody": _body(connector.BODY.schema()),
            "responses": {"202": begun} | describer.error(400, 401, 403, 404, 409, 413, 415, 422),
        },
    }


def _connector_sync(describer: Describer, kind: Kind) -> Doc:
    properties = {
        "syncId": {"type": "string"},
        "status": _STATUS,
        "recordsProcessed": _COUNT,
        "errorDetails": {"type": ["string", "null"]},
    }
    return {
        "parameters": [_ID, _sync_id("^[a-z0-9]{1,32}$")],
        "get": {
            "operationId": "readConnectorSync",
            "security": _security(kind.read_scopes),
            "responses": {"200": describer.success("how far it is", _closed(properties), tagged=False)}
            | describer.error(401, 403, 404),
        },
    }


def _start_extension_sync(describer: Describer) -> Doc:
    begun = describer.success("it has begun", _closed({"syncJobId": _JOB}), tagged=False, located=True)
    return {
        "parameters": [_ID],
        "post": {
            "operationId": "startExtensionSync",
            "security": _security(SYNC_SCOPES),
            "parameters": [_IDEMPOTENCY],
            "requestBody": _body(request.BODY.schema()),
            "responses": {"202": begun} | describer.error(400, 401, 403, 404, 413, 415, 422),
        },
    }


def _extension_sync(describer: Describer, kind: Kind) -> Doc:
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
        "progress": _closed(progress),
        "errors": {"type": "array", "items": _closed(error), "maxItems": MAX_ERRORS},
        "errorsTruncated": {"type": "boolean"},
        "completedAt": {"type": ["string", "null"], "format": "date-time"},
    }
    return {
        "parameters": [_ID, _sync_id(_JOB["pattern"])],
        "get": {
            "operationId": "readExtensionSync",
            "security": _security(kind.read_scopes),
            "responses": {"200": describer.success("how far it is", _closed(properties), tagged=False)}
            | describer.error(401, 403, 404),
        },
    }


def _health_event(describer: Describer) -> Doc:
    return {
        "post": {
            "operationId": "pushHealthEvent",
            "security": _security(HEALTH_SCOPES),
            "parameters": [_IDEMPOTENCY],
            "requestBody": _body(health_events.BODY.schema()),
            "responses": {"202": describer.success("taken", _closed({}), tagged=False)}
            | describer.error(400, 401, 403, 413, 415, 422),
        },
    }
