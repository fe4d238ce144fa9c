"""The part of the OpenAPI description that is about executing data actions. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from reconciler.emulator.actions import LOGS_HEADER, MILLISECONDS_HEADER
from reconciler.emulator.fields import Doc
from reconciler.emulator.http import JSON


def execution(error: Callable[..., Doc], shared: Sequence[Doc], request_id: Doc) -> Doc:
    """Describe ``…/{id}/execute``; ``error`` gives the responses for statuses, ``shared`` the path's parameters."""
    body: Doc = {
        "type": "object",
        "properties": {"inputs": {"type": "object", "description": "as the action declares them"}},
        "required": ["inputs"],
        "additionalProperties": False,
    }
    logs: Doc = {"type": "string", "description": "base64 of a JSON array of {level, message, data}, the latest lines"}
    took: Doc = {"type": "string", "pattern": "^[0-9]+$"}
    headers = request_id | {
        LOGS_HEADER: {"schema": logs, "required": True},
        MILLISECONDS_HEADER: {"schema": took, "required": True},
    }
    output: Doc = {"type": "object", "description": "the action's output itself; null for a declared one means unset"}
    return {
        "parameters": list(shared),
        "post": {
            "operationId": "executeDataAction",
            "security": [{"oauth2": ["data:actions:execute"]}],
            "requestBody": {"required": True, "content": {JSON: {"schema": body}}},
            "responses": {
                "200": {"description": "the output", "headers": headers, "content": {JSON: {"schema": output}}}
            }
            | error(400, 401, 403, 404, 413, 415, 422, 501, 504),
        },
    }
