"""A tenant as a pure value-keeper: what an API does with requests, without HTTP, and an apply without an engine.

It is an independent reading of the contract (conditional writes, merge patch, server defaults, masks, lifecycle moves, names
that are unique), so that properties of planning can be tried on thousands of generated projects.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.core.codec import entry_from_json, entry_to_json
from reconciler.core.kind import Kind
from reconciler.core.plan import Change, Plan, Step
from reconciler.core.refs import resolve_tree
from reconciler.core.resource import Entry, Key, Ledger, Observed, Pin
from reconciler.core.settled import divergence
from reconciler.core.values import Bundle, Unknown
from reconciler.core.wire import request_body


class Refusal(AssertionError):
    """The tenant refuses a request: a plan that leads here is wrong."""


def rfc7396(target: Any, patch: Any) -> Any:
    """MergePatch as RFC 7396 writes it down, apart from the product's own."""
    if not isinstance(patch, dict):
        return patch
    if not isinstance(target, dict):
        target = {}
    target = dict(target)
    for name, value in patch.items():
        if value is None:
            target.pop(name, None)
        else:
            target[name] = rfc7396(target.get(name), value)
    return target


@dataclass
class Tenant:
    """What is live, by kind and id; every write checks its pin against the stored version."""

    kinds: Mapping[str, Kind]
    stored: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    serial: int = 0
    requests: int = 0

    def of(self, kind: Kind) -> dict[str, dict[str, Any]]:
        return self.stored.setdefault(kind.name, {})

    def read(self, kind: Kind, resource_id: str) -> Observed:
        """One resource as the API shows it: masked, with server-owned fields."""
        body = deepcopy(self.of(kind)[resource_id])
        tag = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]
        for rule in kind.secret_maps:
            shown = body.get(rule.path)
            if isinstance(shown, dict):
                body[rule.path] = {
                    name: _hidden(name, value, rule.plain) for name, value in shown.items() if value is not None
                }
        if kind.bundle and isinstance(code := body.pop(kind.bundle.field, None), str):
            body[kind.bundle.digest_field] = b64decode(code).decode()
        body |= {
            "id": resource_id,
            "etag": tag,
            "lastModifiedBy": "somebody",
            "lastModifiedTime": "2026-01-01T00:00:00Z",
        }
        return Observed(kind.name, resource_id, body, tag)

    def observed(self) -> dict[str, list[Observed]]:
        """Everything, as listings give it."""
        return {name: [self.read(kind, one) for one in sorted(self.of(kind))] for name, kind in self.kinds.items()}

    def create(self, kind: Kind, body: dict[str, Any]) -> str:
        self.requests += 1
        self._name_is_free(kind, body["name"], "")
        rule = kind.lifecycle
        if rule and body.get(rule.field, rule.initial) != rule.initial:
            raise Refusal(f"created as {body[rule.field]}")
        self.serial += 1
        resource_id = f"{kind.name.lower()}-{self.serial}"
        self.of(kind)[resource_id] = self._with_defaults(kind, deepcopy(body))
        return resource_id

    def write(self, kind: Kind, resource_id: str, body: dict[str, Any], pin: Pin) -> None:
        """An update by the kind's method."""
        self.requests += 1
        before = self.of(kind)[resource_id]
        self._pinned(kind, resource_id, pin)
        assert kind.wire is not None
        if kind.wire.update == "PATCH":
            after = rfc7396(before, deepcopy(body))
        else:
            after = _unmasked(kind, deepcopy(body), before)
        rule = kind.lifecycle
        if rule:
            after.setdefault(rule.field, rule.initial)
            if after[rule.field] != before[rule.field] and after[rule.field] not in rule.moves[before[rule.field]]:
                raise Refusal(f"{before[rule.field]} to {after[rule.field]}")
        self._name_is_free(kind, after["name"], resource_id)
        self.of(kind)[resource_id] = self._with_defaults(kind, after)

    def delete(self, kind: Kind, resource_id: str, pin: Pin) -> None:
        self.requests += 1
        self._pinned(kind, resource_id, pin)
        for name, bodies in self.stored.items():
            for other, body in bodies.items():
                if other != resource_id and f'"{resource_id}"' in json.dumps(body):
                    raise Refusal(f"{resource_id} is in use by {name} {other}")
        del self.of(kind)[resource_id]

    def _pinned(self, kind: Kind, resource_id: str, pin: Pin) -> None:
        if pin.style != "etag" or self.read(kind, resource_id).etag != pin.value:
            raise Refusal(f"{resource_id} is not as it was seen")

    def _name_is_free(self, kind: Kind, name: str, resource_id: str) -> None:
        if any(body["name"] == name for one, body in self.of(kind).items() if one != resource_id):
            raise Refusal(f"the name {name} is taken")

    def _with_defaults(self, kind: Kind, body: dict[str, Any]) -> dict[str, Any]:
        for path, value in kind.defaults.items():
            node: Any = body
            *parents, last = path.split(".")
            for part in parents:
                if node.get(part) is None:
                    node[part] = {}
                node = node[part]
            if node.get(last) is None:
                node[last] = deepcopy(value)
        if kind.lifecycle:
            body.setdefault(kind.lifecycle.field, kind.lifecycle.initial)
        return body


def _hidden(name: str, value: Any, plain: frozenset[str] | None) -> Any:
    if plain is None:
        return {"value": "********", "secret": True} if isinstance(value, dict) else value
    return value if name in plain else "********"


def _unmasked(kind: Kind, body: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """A whole write keeps the secrets that come back as their mask, and the code when none is sent."""
    for rule in kind.secret_maps:
        old = before.get(rule.path) or {}
        for name, value in (body.get(rule.path) or {}).items():
            if value in ("********", {"value": "********", "secret": True}):
                body[rule.path][name] = old[name]
    if kind.bundle and kind.bundle.field not in body and kind.bundle.field in before:
        body[kind.bundle.field] = before[kind.bundle.field]
    return body


def content(bundle: Bundle) -> bytes:
    """A bundle's zip, of which only the digest matters here."""
    return bundle.sha256.encode()


@dataclass
class Run:
    """Carries out plans on a tenant and keeps the ledger, change by change or only up to a number of requests."""

    tenant: Tenant
    ledger: Ledger

    def apply(self, plan: Plan, requests: int = 10_000) -> None:
        """Carry out a plan; stops after that many requests."""
        assert not plan.problems, plan.problems
        done: set[Key] = set()
        left = requests
        for change in plan.changes:
            assert set(change.after) <= done, f"{change.key} came before what it needs"
            left = self._change(change, left)
            if left < 0:
                return
            done.add(change.key)
        self._read_back(done)

    def _read_back(self, done: set[Key]) -> None:
        """Remember the ETags of what is live as the ledger says, as the engine does."""
        entries = dict(self.ledger.entries)
        for key in done & entries.keys():
            kind = self.tenant.kinds[key.kind]
            live = self.tenant.read(kind, entries[key].id) if entries[key].id in self.tenant.of(kind) else None
            if live is not None and not divergence(kind, entries[key], live):
                entries[key] = replace(entries[key], etag=live.etag)
        self.ledger = replace(self.ledger, entries=entries)

    def identify(self, reference: Unknown) -> str:
        entry = self.ledger.entries[Key(reference.kind, reference.name)]
        return entry.id

    def _change(self, change: Change, left: int) -> int:
        kind = self.tenant.kinds[change.key.kind]
        resource_id, pin = change.resource_id, change.pin
        for index, step in enumerate(change.steps):
            if not left:
                return -1
            left -= 1
            resource_id = self._send(kind, change, step, resource_id, pin)
            if step.operation != "delete":
                pin = Pin("etag", self.tenant.read(kind, resource_id).etag)
                self._record(change, resource_id, index)
        if not change.steps or change.action == "delete":
            self._record(change, resource_id, len(change.steps) - 1)
        return left

    def _send(self, kind: Kind, change: Change, step: Step, resource_id: str, pin: Pin) -> str:
        if step.operation == "delete":
            self.tenant.delete(kind, resource_id, pin)
            return resource_id
        body = request_body(
            kind, step.body, identify=self.identify, reveal=lambda secret: secret.reveal(), content=content
        )
        json.dumps(body, allow_nan=False)
        if step.operation == "create":
            return self.tenant.create(kind, body)
        self.tenant.write(kind, resource_id, body, pin)
        return resource_id

    def _record(self, change: Change, resource_id: str, index: int) -> None:
        entries = {key: entry for key, entry in self.ledger.entries.items() if key != change.moved_from}
        entries.pop(change.key, None)
        if change.entry is not None:
            fields = resolve_tree(change.entry.fields, lambda reference: self.identify(reference))
            rule = self.tenant.kinds[change.key.kind].lifecycle
            if rule and index < len(change.steps) - 1 and rule.field in fields:
                known = self.ledger.entries.get(change.moved_from or change.key)
                old = known.fields.get(rule.field) if known and change.action != "create" else rule.initial
                fields = {**fields, rule.field: old}
            entry = replace(change.entry, id=resource_id, fields=fields)
            # Through JSON, as a ledger is: no value of a secret survives this.
            entries[change.key] = entry_from_json(change.key, json.loads(json.dumps(entry_to_json(entry))))
        self.ledger = replace(self.ledger, entries=entries, serial=self.ledger.serial + 1)


def empty_ledger(*, lost: bool = False) -> Ledger:
    """A ledger that holds nothing yet."""
    return Ledger("stack", "target", lost=lost)


def owned(tenant: Tenant, key: Key, resource_id: str, fields: dict[str, Any]) -> Ledger:
    """A ledger with one entry."""
    return replace(empty_ledger(), entries={key: Entry(key, resource_id, fields)})
