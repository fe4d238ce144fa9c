"""Collections and items of every resource kind: the HTTP side of ``reconciler.emulator.resources``."""

from __future__ import annotations

from functools import partial

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reconciler.emulator.asked import authorise
from reconciler.emulator.collection import Row
from reconciler.emulator.emulator import Emulator, emulator_of
from reconciler.emulator.errors import not_found
from reconciler.emulator.http import JSON, MERGE_PATCH, header, json_response, methods, read_object
from reconciler.emulator.idempotency import Answer, answered_once
from reconciler.emulator.kind import Kind
from reconciler.emulator.preconditions import Conditions, Verdict, View, evaluate


def routes(emulator: Emulator) -> list[Route]:
    """Give the routes of all kinds."""
    found: list[Route] = []
    for kind in emulator.kinds.values():
        found.append(methods(kind.collection, {"GET": partial(_list, kind), "POST": partial(_create, kind)}))
        item = kind.collection + "/{id}"
        handlers = {"GET": partial(_read, kind), "PATCH": partial(_update, kind), "DELETE": partial(_delete, kind)}
        found.append(methods(item, handlers))
        found.extend(methods(f"{item}/{view}", {"GET": partial(_view, kind, view)}) for view in kind.views)
    return found


def conditions_of(request: Request) -> Conditions:
    """Give the precondition headers of a request."""
    return Conditions(header(request, "if-match"), header(request, "if-none-match"))


def item_headers(emulator: Emulator, row: Row) -> dict[str, str]:
    """Give the headers that go with a resource."""
    return {"ETag": f'"{row.etag}"'} if emulator.shows_etags else {}


async def _list(kind: Kind, request: Request) -> Response:
    emulator = emulator_of(request)
    authorise(request, kind.read_scopes)
    collection = emulator.store.collections[kind.name]
    headers = {}
    body = emulator.listing.answer(collection, request.query_params, kind.collection)
    if emulator.shows_etags:
        etag = collection.etag()
        headers["ETag"] = f'"{etag}"'
        conditions = Conditions(if_none_match=header(request, "if-none-match"))
        if evaluate(conditions, View(exists=True, etag=etag), safe=True) is Verdict.NOT_MODIFIED:
            return Response(status_code=304, headers=headers)
    return json_response(body, headers=headers)


async def _read(kind: Kind, request: Request) -> Response:
    emulator = emulator_of(request)
    authorise(request, kind.read_scopes)
    row = emulator.resources.find(kind, request.path_params["id"])
    headers = item_headers(emulator, row)
    if emulator.shows_etags:
        conditions = Conditions(if_none_match=header(request, "if-none-match"))
        if evaluate(conditions, View(exists=True, etag=row.etag), safe=True) is Verdict.NOT_MODIFIED:
            return Response(status_code=304, headers=headers)
    return json_response(emulator.store.collections[kind.name].item(row.id), headers=headers)


async def _view(kind: Kind, view: str, request: Request) -> Response:
    emulator = emulator_of(request)
    authorise(request, kind.read_scopes)
    row = emulator.resources.find(kind, request.path_params["id"])
    doc, _ = emulator.resources.load(kind, row.id)
    return json_response(kind.views[view](doc))


async def _create(kind: Kind, request: Request) -> Response:
    emulator = emulator_of(request)
    client = authorise(request, kind.write_scopes)
    body = await read_object(request, JSON)

    def create() -> Answer:
        row = emulator.resources.create(kind, body, client, conditions_of(request))
        headers = {"Location": f"{kind.collection}/{row.id}", **item_headers(emulator, row)}
        return Answer(201, headers, emulator.store.shown(row))

    return answered_once(request, client, body, create)


async def _update(kind: Kind, request: Request) -> Response:
    emulator = emulator_of(request)
    client = authorise(request, kind.write_scopes)
    emulator.resources.find(kind, request.path_params["id"])
    patch = await read_object(request, MERGE_PATCH, JSON)
    with emulator.store.transaction():
        row = emulator.resources.update(kind, request.path_params["id"], patch, client, conditions_of(request))
    return json_response(emulator.store.shown(row), headers=item_headers(emulator, row))


async def _delete(kind: Kind, request: Request) -> Response:
    emulator = emulator_of(request)
    authorise(request, kind.write_scopes)
    force = request.query_params.get("force", "").lower() in ("true", "1")
    with emulator.store.transaction():
        emulator.resources.delete(kind, request.path_params["id"], conditions_of(request), force=force)
    return Response(status_code=204)


def kind_named(emulator: Emulator, name: object) -> Kind:
    """Give a kind by its name, or raise the 404."""
    kind = emulator.kinds.get(name) if isinstance(name, str) else None
    if kind is None:
        raise not_found(f"kind {orjson.dumps(name).decode()}")
    return kind
