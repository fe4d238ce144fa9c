"""The emulator's own controls under ``/_emulator/`` (contract: The emulator's own controls). No token is needed."""

from __future__ import annotations

from functools import partial
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reconciler.emulator.clock import timestamp
from reconciler.emulator.emulator import Emulator, emulator_of
from reconciler.emulator.errors import Problem, bad_request, invalid
from reconciler.emulator.fields import Doc, Integer, Member, Record, Text, optional
from reconciler.emulator.http import json_response, methods, read_object
from reconciler.emulator.kind import Kind
from reconciler.emulator.routes.resources import item_headers, kind_named

MAX_ADVANCE_SECONDS = 10 * 366 * 24 * 3600

_NAMED = Record({"kind": Member(Text(), required=True), "name": Member(Text(), required=True)})
_BY = Text(1, 256)
_CLOCK = Record({"advanceSeconds": Member(Integer(0, MAX_ADVANCE_SECONDS), required=True)})
CONSOLE = "console"
"""Who made an edit that does not say by whom."""


def routes(emulator: Emulator) -> list[Route]:
    """Give the control routes; what holds records is found under the last part of its collection's path."""
    records = [
        methods(f"/_emulator/{kind.collection.rsplit('/', 1)[1]}/{{id}}/records", {"GET": partial(_records, kind)})
        for kind in emulator.kinds.values()
        if kind.populated_field is not None
    ]
    return [
        *records,
        methods("/_emulator/health", {"GET": _health}),
        methods("/_emulator/reset", {"POST": _reset}),
        methods("/_emulator/seed", {"POST": _seed}),
        methods("/_emulator/edit", {"POST": _edit}),
        methods("/_emulator/delete", {"POST": _delete}),
        methods("/_emulator/clock", {"POST": _clock}),
        methods("/_emulator/log", {"GET": _log}),
        methods("/_emulator/state", {"GET": _state}),
        methods("/_emulator/faults", {"GET": _show_faults, "POST": _add_faults, "DELETE": _clear_faults}),
    ]


async def _body(request: Request, record: Record) -> Doc:
    """Read a control's body, checked against what it may hold."""
    problems: list[Problem] = []
    body: Doc = record.accept(await read_object(request), "", problems)
    if problems:
        raise invalid(problems)
    return body


async def _health(_request: Request) -> Response:
    return json_response({"status": "ok"})


async def _reset(request: Request) -> Response:
    emulator_of(request).reset()
    return Response(status_code=204)


async def _seed(request: Request) -> Response:
    return json_response({"created": emulator_of(request).seed(await read_object(request))})


class _Patch:
    """Any object: the kind decides."""

    def accept(self, value: Any, path: str, problems: list[Problem]) -> Any:
        if not isinstance(value, dict):
            problems.append(Problem(path, "must be an object"))
        return value

    def schema(self) -> Doc:
        return {"type": "object"}


_EDIT = Record(dict(_NAMED.members) | {"patch": Member(_Patch(), required=True), "by": optional(_BY, CONSOLE)})
_DELETE = Record(dict(_NAMED.members) | {"by": optional(_BY, CONSOLE)})


async def _edit(request: Request) -> Response:
    emulator = emulator_of(request)
    body = await _body(request, _EDIT)
    kind = kind_named(emulator, body["kind"])
    with emulator.store.transaction():
        row = emulator.resources.edit(kind, body["name"], body["patch"], body["by"])
    return json_response(emulator.store.shown(row), headers=item_headers(emulator, row))


async def _delete(request: Request) -> Response:
    emulator = emulator_of(request)
    body = await _body(request, _DELETE)
    with emulator.store.transaction():
        emulator.resources.remove(kind_named(emulator, body["kind"]), body["name"])
    return Response(status_code=204)


async def _clock(request: Request) -> Response:
    emulator = emulator_of(request)
    body = await _body(request, _CLOCK)
    emulator.store.advance_clock(body["advanceSeconds"])
    now = timestamp(emulator.clock.now())
    return json_response({"now": now, "offsetSeconds": emulator.store.clock_offset})


async def _log(request: Request) -> Response:
    text = request.query_params.get("since", "0")
    if not (text.isascii() and text.isdigit() and len(text) <= 16):
        raise bad_request("since", "must be a number of the log")
    entries = emulator_of(request).log.since(int(text))
    return json_response({"requests": [entry.as_json() for entry in entries]})


async def _state(request: Request) -> Response:
    """Everything stored, by kind; with ``?secrets=true`` each resource has its whole document too."""
    emulator = emulator_of(request)
    whole = request.query_params.get("secrets") == "true"
    state: dict[str, list[Doc]] = {}
    for kind in emulator.kinds.values():
        collection = emulator.store.collections[kind.name]
        state[kind.name] = [orjson.loads(collection.item(id_)) for id_ in collection.order()]
        if whole:
            for item in state[kind.name]:
                item["stored"] = orjson.loads(emulator.store.stored(kind.name, item["id"]))["doc"]
    syncs = [
        {"id": sync.id, "resource": sync.resource, "request": sync.request, "phase": sync.phase, "state": sync.state}
        for sync in emulator.syncs.all()
    ]
    counts = {kind: len(items) for kind, items in state.items()}
    events = emulator.health_events.as_json()
    return json_response({"resources": state, "counts": counts, "syncs": syncs, "healthEvents": events})


async def _records(kind: Kind, request: Request) -> Response:
    emulator = emulator_of(request)
    row = emulator.resources.find(kind, request.path_params["id"])
    records = sorted(emulator.records.all(row.id))
    return json_response(b'{"records":[%b]}' % b",".join(line for _, line in records))


async def _show_faults(request: Request) -> Response:
    return json_response(emulator_of(request).faults.as_json())


async def _add_faults(request: Request) -> Response:
    faults = emulator_of(request).faults
    faults.add(await read_object(request))
    return json_response(faults.as_json(), 201)


async def _clear_faults(request: Request) -> Response:
    emulator_of(request).faults.clear()
    return Response(status_code=204)
