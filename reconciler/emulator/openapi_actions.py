"""The part of the OpenAPI description that is about executing data actions. Pure."""

from __future__ import annotations

from reconciler.emulator.actions import LOGS_HEADER, MILLISECONDS_HEADER
from reconciler.emulator.fields import Doc
from reconciler.emulator.openapi_parts import ID, IDEMPOTENCY, closed, errors, request_body, security, success


def execution() -> Doc:
    """Describe ``…/{id}/execute``."""
    inputs: Doc = {"type": "object", "description": "as the action declares them"}
    logs: Doc = {"type": "string", "description": "base64 of a JSON array of {level, message, data}, the latest lines"}
    took: Doc = {"type": "string", "pattern": "^[0-9]+$"}
    headers: Doc = {
        LOGS_HEADER: {"schema": logs, "required": True},
        MILLISECONDS_HEADER: {"schema": took, "required": True},
    }
    output: Doc = {"type": "object", "description": "the action's output itself; null for a declared one means unset"}
    return {
        "parameters": [ID, IDEMPOTENCY],
        "post": {
            "operationId": "executeDataAction",
            "security": security(["data:actions:execute"]),
            "requestBody": request_body(closed({"inputs": inputs})),
            "responses": {"200": success("the output", output, headers=headers)}
            | errors(400, 401, 403, 404, 413, 415, 422, 501, 504),
        },
    }
