"""Executing a data action, and the control that shows its executions (contract: Resources, DataAction)."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reconciler.emulator.actions import Subject
from reconciler.emulator.asked import authorise
from reconciler.emulator.emulator import Emulator, emulator_of
from reconciler.emulator.errors import Problem, invalid
from reconciler.emulator.fields import Doc, Member, Record
from reconciler.emulator.http import JSON, json_response, methods, read_object, request_id
from reconciler.emulator.idempotency import Answer, keep, kept

KIND = "DataAction"
SCOPES = frozenset({"data:actions:execute"})


class _Inputs:
    """Any value: the action's own schema decides."""

    def accept(self, value: Any, path: str, problems: list[Problem]) -> Any:
        del path, problems
        return value

    def schema(self) -> Doc:
        return {"type": "object"}


BODY = Record({"inputs": Member(_Inputs(), required=True, description="what the action declares as its inputs")})


def routes(emulator: Emulator) -> list[Route]:
    """Give the routes of executions."""
    collection = emulator.kinds[KIND].collection
    return [
        methods(f"{collection}/{{id}}/execute", {"POST": _execute}),
        methods("/_emulator/actions/{id}/executions", {"GET": _executions}),
    ]


async def _execute(request: Request) -> Response:
    emulator = emulator_of(request)
    client = authorise(request, SCOPES)
    subject = _subject(emulator, request.path_params["id"])
    body = await read_object(request, JSON)
    problems: list[Problem] = []
    BODY.accept(body, "", problems)
    if problems:
        raise invalid(problems)
    answer = kept(emulator, request, client, body)
    if answer is None:
        output = await emulator.actions.run(subject, body["inputs"], request_id(request))
        answer = Answer(200, dict(output.headers), orjson.dumps(output.value))
        with emulator.store.transaction():
            keep(emulator, request, client, body, answer)
    return json_response(answer.body, answer.status, answer.headers)


def _subject(emulator: Emulator, id_: str) -> Subject:
    """Give an action as it stands now: what is changed while it runs is for the next execution."""
    kind = emulator.kinds[KIND]
    row = emulator.resources.find(kind, id_)
    doc, _ = emulator.resources.load(kind, row.id)
    return Subject(row.id, doc, emulator.store.blob(kind.name, row.id) or b"")


async def _executions(request: Request) -> Response:
    emulator = emulator_of(request)
    row = emulator.resources.find(emulator.kinds[KIND], request.path_params["id"])
    return json_response({"executions": [e.as_json() for e in emulator.actions.executions(row.id)]})
