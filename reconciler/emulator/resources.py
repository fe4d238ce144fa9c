"""Creating, changing and deleting resources by the contract's common rules and the kinds' own.

Every method that writes must be called inside ``store.transaction()``; none awaits.
"""

from __future__ import annotations

from hashlib import blake2b
from http import HTTPStatus
from typing import Any

import orjson

from reconciler.emulator.clock import Clock, timestamp
from reconciler.emulator.collection import Row
from reconciler.emulator.errors import ApiError, Problem, bad_request, conflict, invalid, not_found, unprocessable
from reconciler.emulator.fields import Doc
from reconciler.emulator.ids import encode_id
from reconciler.emulator.kind import COUNTER, Blob, Kind
from reconciler.emulator.merge_patch import TooDeepError, merge_patch
from reconciler.emulator.preconditions import ABSENT, Conditions, Verdict, View, evaluate
from reconciler.emulator.settings import Concurrency
from reconciler.emulator.store import Store, Written

_STORED = orjson.OPT_PASSTHROUGH_DATACLASS


def _blob_reference(value: object) -> Doc:
    if isinstance(value, Blob):
        return {"sha256": value.sha256, "size": value.size}
    raise TypeError(f"{type(value).__name__} has no place in a document")


def _canonical(doc: Doc) -> bytes:
    """Give the bytes by which documents are compared: the order of an object's keys has no meaning."""
    return orjson.dumps(doc, default=_blob_reference, option=_STORED | orjson.OPT_SORT_KEYS)


class Resources:
    """The rules between requests and the store. Raises ApiError for what is refused."""

    def __init__(self, store: Store, clock: Clock, concurrency: Concurrency) -> None:
        self._store = store
        self._clock = clock
        self._concurrency = concurrency

    def find(self, kind: Kind, id_: str) -> Row:
        """Give the row of a resource, or raise the 404."""
        row = self._store.collections[kind.name].get(id_)
        if row is None:
            raise not_found(f"{kind.name} {id_}")
        return row

    def load(self, kind: Kind, id_: str) -> tuple[Doc, Doc]:
        """Give a resource's whole document and its server-owned fields."""
        state: dict[str, Doc] = orjson.loads(self._store.stored(kind.name, id_))
        doc = state["doc"]
        if kind.blob_field is not None:
            doc[kind.blob_field] = Blob(**doc[kind.blob_field])
        return doc, state["server"]

    def view(self, kind: Kind, row: Row | None) -> View:
        """Give what preconditions are held against, as the concurrency style has it."""
        if row is None:
            return ABSENT
        if self._concurrency == "none":
            return View(exists=True)
        version = orjson.loads(row.shown)["version"] if kind.versioned else None
        return View(exists=True, etag=row.etag if self._concurrency == "etag" else None, version=version)

    def create(self, kind: Kind, body: Doc, actor: str, conditions: Conditions) -> Row:
        """Create a resource from a POST."""
        doc = self._accept(kind, self._writable(kind, body), None)
        kind.guard_create(doc)
        holder = self._store.collections[kind.name].named(doc["name"])
        heeded = conditions if self._concurrency == "etag" else Conditions(if_none_match=conditions.if_none_match)
        if evaluate(heeded, self.view(kind, holder), safe=False) is not Verdict.PROCEED:
            raise _precondition_failed(kind, f"name {doc['name']!r} exists" if holder else "nothing to match")
        self._check_name(kind, doc, None)
        self._check_references(kind, doc)
        now = timestamp(self._clock.now())
        server = {"createdTime": now, "lastModifiedTime": now, "lastModifiedBy": actor, **kind.counters}
        return self._write(kind, encode_id(kind.id_prefix, self._store.allocate()), doc, server)

    def update(self, kind: Kind, id_: str, patch: Doc, actor: str, conditions: Conditions) -> Row:
        """Apply a merge patch. One that changes nothing leaves the resource, its times and its ETag alone."""
        row = self.find(kind, id_)
        wanted = self._writable(kind, patch)
        self._hold(kind, row, conditions)
        old, server = self.load(kind, id_)
        new = self._patched(kind, old, wanted)
        if _canonical(new) == _canonical(old):
            return row
        kind.guard_update(old, new, {name: server[name] for name in kind.counters})
        self._check_name(kind, new, id_)
        self._check_references(kind, new)
        return self._write(kind, id_, new, self._touched(server, actor))

    def delete(self, kind: Kind, id_: str, conditions: Conditions, *, force: bool) -> None:
        """Delete a resource that nothing refers to."""
        row = self.find(kind, id_)
        self._hold(kind, row, conditions)
        _, server = self.load(kind, id_)
        self._check_unused(kind, row)
        kind.guard_delete({name: server[name] for name in kind.counters}, force=force)
        self._store.delete(kind.name, id_)

    def edit(self, kind: Kind, name: str, patch: Doc, actor: str) -> Row:
        """Edit as somebody at the console, or the server itself: no precondition, and no rule about the present state.

        So a life cycle may be set to ERROR and a locked schema be changed. The kind's counters may be patched too.
        """
        row = self._named(kind, name)
        counters = {key: patch[key] for key in kind.counters if key in patch}
        problems: list[Problem] = []
        counters = {key: COUNTER.accept(value, key, problems) for key, value in counters.items()}
        if problems:
            raise invalid(problems)
        old, server = self.load(kind, row.id)
        new = self._patched(kind, old, self._writable(kind, patch))
        if _canonical(new) != _canonical(old):
            self._check_name(kind, new, row.id)
            self._check_references(kind, new)
            server = self._touched(server, actor)
        return self._write(kind, row.id, new, server | counters)

    def remove(self, kind: Kind, name: str) -> None:
        """Delete as somebody at the console: only what something refers to is refused."""
        row = self._named(kind, name)
        self._check_unused(kind, row)
        self._store.delete(kind.name, row.id)

    def settle(self, kind: Kind, id_: str, doc: Doc, server: Doc, actor: str | None = None) -> Row:
        """Write what an operation has made of a resource's counters, and of its document where ``actor`` is given."""
        return self._write(kind, id_, doc, server if actor is None else self._touched(server, actor))

    def prepare(self, kind: Kind, id_: str, doc: Doc, server: Doc) -> Written:
        """Make what the store keeps of a resource, from a document in normal form."""
        where = f"{kind.name}\0{id_}\0".encode()
        etag = blake2b(where + _canonical(doc), key=self._store.etag_key, digest_size=16).hexdigest()
        refs = tuple(dict.fromkeys(doc[field] for field in kind.references))
        shown = orjson.dumps({"id": id_, **kind.present(doc), **server})
        stored = orjson.dumps({"doc": doc, "server": server}, default=_blob_reference, option=_STORED)
        blob = doc[kind.blob_field].data if kind.blob_field is not None else None
        return Written(Row(kind.name, id_, doc["name"], etag, refs, shown), stored, blob)

    def _write(self, kind: Kind, id_: str, doc: Doc, server: Doc) -> Row:
        written = self.prepare(kind, id_, doc, server)
        self._store.write([written])
        return written.row

    def _touched(self, server: Doc, actor: str) -> Doc:
        return server | {"lastModifiedTime": timestamp(self._clock.now()), "lastModifiedBy": actor}

    def _named(self, kind: Kind, name: str) -> Row:
        row = self._store.collections[kind.name].named(name)
        if row is None:
            raise not_found(f"{kind.name} named {name!r}")
        return row

    @staticmethod
    def _writable(kind: Kind, body: Doc) -> Doc:
        """Drop server-owned fields and refuse unknown ones."""
        problems = kind.body.unknown(body)
        if problems:
            raise invalid(problems)
        return {name: value for name, value in body.items() if name in kind.record.members}

    @staticmethod
    def _accept(kind: Kind, body: Any, stored: Doc | None) -> Doc:
        problems: list[Problem] = []
        doc: Doc = kind.record.accept(body, "", problems)
        if not problems:
            problems = kind.check(doc) + kind.restore_masked(doc, stored)
        if problems:
            raise invalid(problems)
        return doc

    def _patched(self, kind: Kind, old: Doc, patch: Doc) -> Doc:
        """Merge onto what a client reads, masks included, so that no patch can turn a secret into plain text."""
        target = {name: value for name, value in kind.present(old).items() if name in kind.record.members}
        if kind.blob_field is not None:
            target[kind.blob_field] = old[kind.blob_field]
        refused = [
            Problem(name, "must not be null")
            for name, member in kind.record.members.items()
            if member.required and name in patch and patch[name] is None
        ]
        if refused:
            raise invalid(refused)
        try:
            merged = merge_patch(target, patch)
        except TooDeepError as error:
            raise bad_request("", str(error), "INVALID_BODY") from error
        return self._accept(kind, merged, old)

    def _hold(self, kind: Kind, row: Row, conditions: Conditions) -> None:
        """Hold a write against its preconditions."""
        if self._concurrency == "none" or (self._concurrency == "version" and not kind.versioned):
            return
        verdict = evaluate(conditions, self.view(kind, row), safe=False, match_required=True)
        if verdict is Verdict.REQUIRED:
            text = "If-Match is required"
            raise ApiError(HTTPStatus.PRECONDITION_REQUIRED, "PRECONDITION_REQUIRED", text)
        if verdict is Verdict.MISMATCH and kind.versioned:
            raise conflict("VERSION_CONFLICT", f"{kind.name} {row.id} has changed since it was read")
        if verdict is not Verdict.PROCEED:
            raise _precondition_failed(kind, f"{row.id} is not in the expected state")

    def _check_name(self, kind: Kind, doc: Doc, own_id: str | None) -> None:
        holder = self._store.collections[kind.name].named(doc["name"])
        if holder is not None and holder.id != own_id:
            text = f"a {kind.name} named {doc['name']!r} exists"
            raise conflict("NAME_EXISTS", text, [Problem("name", text)])

    def _check_references(self, kind: Kind, doc: Doc) -> None:
        for field, target in kind.references.items():
            if self._store.collections[target].get(doc[field]) is None:
                text = f"there is no {target} {doc[field]!r}"
                raise unprocessable("REFERENCE_NOT_FOUND", text, [Problem(field, text)])

    def _check_unused(self, kind: Kind, row: Row) -> None:
        users = self._store.users(row.id)
        if users:
            first = users[0]
            text = f"{kind.name} {row.id} is in use by {len(users)}, first by {first.kind} {first.id}"
            details = [Problem("id", f"used by {user.kind} {user.id} ({user.name})") for user in users[:100]]
            raise conflict("IN_USE", text, details)


def _precondition_failed(kind: Kind, why: str) -> ApiError:
    return ApiError(HTTPStatus.PRECONDITION_FAILED, "PRECONDITION_FAILED", f"{kind.name}: {why}")
