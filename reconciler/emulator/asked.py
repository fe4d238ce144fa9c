"""Who asks, and about what: the client of a request, and the records or syncs of a resource that it is about."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from reconciler.emulator.emulator import emulator_of
from reconciler.emulator.errors import not_found
from reconciler.emulator.fields import Doc
from reconciler.emulator.http import JSON, MAX_BODY_BYTES, read_object
from reconciler.emulator.kind import Kind
from reconciler.emulator.syncs.table import Row


def authorise(request: Request, any_of: frozenset[str]) -> str:
    """Check the token, note the client for the log, and give the client's id."""
    grant = emulator_of(request).tokens.check(request.headers.get("authorization"), any_of)
    request.state.client_id = grant.client_id
    return grant.client_id


@dataclass(frozen=True, slots=True)
class Asked:
    """A POST to something below a resource: by which client, of which resource, with what body."""

    client: str
    id: str
    body: Doc


async def asked_of(request: Request, kind: Kind, scopes: frozenset[str], *, limit: int = MAX_BODY_BYTES) -> Asked:
    """Read a POST whose client may make it and whose resource exists, in the order in which that is refused."""
    client = authorise(request, scopes)
    id_ = request.path_params["id"]
    emulator_of(request).resources.find(kind, id_)
    return Asked(client, id_, await read_object(request, JSON, limit=limit))


def sync_of(request: Request, kind: Kind) -> Row:
    """Give the sync that a request asks about, whose client may read it; 404 where the resource has none of that id."""
    emulator = emulator_of(request)
    authorise(request, kind.read_scopes)
    resource = emulator.resources.find(kind, request.path_params["id"])
    sync = emulator.syncs.get(request.path_params["sync"], resource.id)
    if sync is None:
        raise not_found(f"sync {request.path_params['sync']}")
    return sync
