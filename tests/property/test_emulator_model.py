"""The emulator against a plain dictionary: what it stores, when an ETag changes, and what preconditions let through.

The model is another reading of the contract and of RFC 9110 §13, RFC 7396: it knows nothing of SQLite, routes or indexes.
"""

from __future__ import annotations

from typing import Any

import anyio
import httpx2 as httpx
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from reconciler.emulator import Settings
from reconciler.emulator.app import create_app
from tests.support.profile import ACCEPTANCE
from tests.support.tenant import rfc7396

DATASETS, CONNECTORS = "/api/v2/data-actions/datasets", "/api/v2/crm/connectors"
COLLECTIONS = st.sampled_from([DATASETS, CONNECTORS])
NAMES = st.sampled_from(["a", "b", "c"])
TEXTS = st.sampled_from(["", "one", "two"])
TYPES = st.sampled_from(["string", "number", "boolean", "date"])
DEFAULTS: dict[str, Any] = {"batchSize": 500, "retryAttempts": 3, "syncIntervalMinutes": 15}
WRITABLE = {
    DATASETS: ("name", "description", "primaryKey", "columns"),
    CONNECTORS: (
        "name",
        "description",
        "connectorType",
        "endpointUrl",
        "authentication",
        "mappings",
        "version",
        "lifecycleStatus",
        "syncSettings",
    ),
}
MOVES = {"DRAFT": {"ACTIVE", "INACTIVE"}, "ACTIVE": {"INACTIVE"}, "INACTIVE": {"ACTIVE"}}
Doc = dict[str, Any]


def long_form(doc: Doc) -> Doc:
    """A dataset's columns as they are read back."""
    columns = {}
    for name, column in doc["columns"].items():
        long = {"type": column} if isinstance(column, str) else dict(column)
        long.setdefault("nullable", name != doc["primaryKey"])
        columns[name] = {key: value for key, value in long.items() if value is not None}
    return {"description": "", **doc, "columns": columns}


def with_defaults(doc: Doc) -> Doc:
    """A connector with what the server fills in."""
    sync = {**DEFAULTS, **{key: value for key, value in (doc.get("syncSettings") or {}).items() if value is not None}}
    return {"description": "", "lifecycleStatus": "DRAFT", "mappings": [], **doc, "syncSettings": sync}


FILLED = {DATASETS: long_form, CONNECTORS: with_defaults}


def masked(doc: Doc) -> Doc:
    """What is read back of a connector's credentials."""
    if "authentication" not in doc:
        return doc
    hidden = {
        key: value if key == "username" else "********" for key, value in doc["authentication"]["credentials"].items()
    }
    return {**doc, "authentication": {**doc["authentication"], "credentials": hidden}}


dataset_bodies = st.fixed_dictionaries(
    {
        "name": NAMES,
        "primaryKey": st.just("id"),
        "columns": st.dictionaries(st.sampled_from(["x", "y"]), TYPES, max_size=2).map(lambda c: {"id": "string", **c}),
    },
    optional={"description": TEXTS},
)
connector_bodies = st.fixed_dictionaries(
    {
        "name": NAMES,
        "connectorType": st.just("CUSTOM"),
        "endpointUrl": st.sampled_from(["https://one.example.com", "https://two.example.com"]),
        "version": st.sampled_from(["1.0.0", "1.0.1"]),
        "authentication": st.fixed_dictionaries(
            {
                "type": st.just("BASIC"),
                "credentials": st.fixed_dictionaries({"username": TEXTS, "password": st.sampled_from(["s1", "s2"])}),
            }
        ),
    },
    optional={"description": TEXTS, "syncSettings": st.fixed_dictionaries({}, optional={"batchSize": st.just(7)})},
)
BODIES = {DATASETS: dataset_bodies, CONNECTORS: connector_bodies}
_column = st.one_of(TYPES.map(lambda type_: {"type": type_}), st.none())
dataset_patches = st.fixed_dictionaries(
    {},
    optional={
        "name": NAMES,
        "description": st.one_of(TEXTS, st.none()),
        "columns": st.dictionaries(st.sampled_from(["x", "y"]), _column, max_size=2),
    },
)
connector_patches = st.fixed_dictionaries(
    {},
    optional={
        "name": NAMES,
        "description": st.one_of(TEXTS, st.none()),
        "version": st.sampled_from(["1.0.0", "1.0.1"]),
        "lifecycleStatus": st.sampled_from(["DRAFT", "ACTIVE", "INACTIVE"]),
        "authentication": st.sampled_from(
            [{"credentials": {"password": value}} for value in ("s1", "s2", "********")]
            + [{"credentials": {"username": "other"}}]
        ),
        "syncSettings": st.one_of(
            st.none(), st.fixed_dictionaries({}, optional={"batchSize": st.sampled_from([7, 8, None])})
        ),
        "mappings": st.sampled_from([[], [{"cxoneField": "a", "crmField": "A", "direction": "INBOUND"}], None]),
    },
)
PATCHES = {DATASETS: dataset_patches, CONNECTORS: connector_patches}
SHAPES = st.sampled_from(
    ["right", "right", "any", "missing", "wrong", "weak", "list", "list without", "bare", "old", "version"]
)


class EmulatorModel(RuleBasedStateMachine):
    """Writes of all sorts on both, with preconditions of all shapes."""

    made = Bundle("made")

    @initialize()
    def begin(self) -> None:
        self.app = create_app(Settings())
        self.docs: dict[tuple[str, str], Doc] = {}
        self.etags: dict[tuple[str, str], str] = {}
        self.old: dict[tuple[str, str], list[tuple[str, Doc]]] = {}
        self.headers: dict[str, str] = {}
        form = {"grant_type": "client_credentials", "client_id": "local", "client_secret": "local-secret"}
        token = self.ask("POST", "/oauth/token", form).json()["access_token"]
        self.headers = {"Authorization": f"Bearer {token}"}

    def teardown(self) -> None:
        if hasattr(self, "app"):
            self.app.state.emulator.store.close()

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://emulator") as client:
                all_headers = self.headers | {name.replace("_", "-"): value for name, value in headers.items()}
                return await client.request(
                    method, path, headers=all_headers, **({} if body is None else {"json": body})
                )

        return anyio.run(send)

    def holder(self, collection: str, name: str) -> tuple[str, str] | None:
        return next((key for key, doc in self.docs.items() if key[0] == collection and doc["name"] == name), None)

    def remember(self, key: tuple[str, str], answer: httpx.Response, doc: Doc) -> None:
        """An answer shows what is stored, and a tag that is another one exactly if the content is."""
        tag = answer.headers["etag"]
        assert tag == f'"{answer.json()["etag"]}"'
        for known, content in self.old.setdefault(key, []):
            assert (known == tag) == (content == doc), "an ETag changes exactly when content does"
        self.old[key].append((tag, doc))
        self.docs[key], self.etags[key] = doc, tag
        shown = {name: value for name, value in answer.json().items() if name in WRITABLE[key[0]]}
        assert shown == masked(doc)

    @rule(target=made, collection=COLLECTIONS, data=st.data(), star=st.booleans())
    def create(self, collection: str, data: st.DataObject, star: bool) -> tuple[str, str]:
        body = data.draw(BODIES[collection])
        holder = self.holder(collection, body["name"])
        answer = self.ask("POST", collection, body, **({"if_none_match": "*"} if star else {}))
        if holder is not None:
            assert answer.status_code == (412 if star else 409)
            assert answer.json()["code"] == ("PRECONDITION_FAILED" if star else "NAME_EXISTS")
            return holder
        assert answer.status_code == 201, answer.text
        key = (collection, answer.json()["id"])
        assert answer.headers["location"] == "/".join(key)
        self.remember(key, answer, FILLED[collection](body))
        return key

    def condition(self, key: tuple[str, str], shape: str) -> tuple[str | None, bool]:
        """An If-Match of a shape, and whether it holds of what is there."""
        tag = self.etags.get(key, '"gone"')
        older = next((known for known, _ in reversed(self.old.get(key, [])) if known != tag), '"never"')
        versioned = key[0] == CONNECTORS
        # Strong comparison (RFC 9110 §8.8.3.2); a bare word or a version counts for connectors alone (contract).
        shapes: dict[str, tuple[str | None, bool]] = {
            "right": (tag, True),
            "any": ("*", True),
            "missing": (None, False),
            "wrong": ('"somethingelse"', False),
            "weak": (f"W/{tag}", False),
            "list": (f'"x", {tag},"y"', True),
            "list without": ('"x", "y"', False),
            "bare": (tag.strip('"'), versioned),
            "old": (older, False),
            "version": (f'"{self.docs[key]["version"]}"' if versioned and key in self.docs else '"1.0.0"', versioned),
        }
        return shapes[shape]

    def refusal(self, key: tuple[str, str], shape: str, holds: bool) -> int:
        """The status with which a write is refused before its content matters; 0 for none."""
        if key not in self.docs:
            return 404
        if shape == "missing":
            return 428
        return 0 if holds else 409 if key[0] == CONNECTORS else 412

    @rule(key=made, data=st.data(), shape=SHAPES)
    def update(self, key: tuple[str, str], data: st.DataObject, shape: str) -> None:
        patch = data.draw(PATCHES[key[0]])
        header, holds = self.condition(key, shape)
        answer = self.ask("PATCH", "/".join(key), patch, **({} if header is None else {"if_match": header}))
        refused = self.refusal(key, shape, holds)
        if refused:
            assert answer.status_code == refused, answer.text
            return
        before = self.docs[key]
        merged = rfc7396(before, patch)
        if patch.get("authentication") == {"credentials": {"password": "********"}}:
            merged["authentication"] = before["authentication"]
        after = FILLED[key[0]](merged)
        status = after.get("lifecycleStatus")
        other = self.holder(key[0], after["name"])
        if status != before.get("lifecycleStatus") and status not in MOVES[before["lifecycleStatus"]]:
            assert (answer.status_code, answer.json()["code"]) == (409, "INVALID_TRANSITION")
        elif other not in (None, key):
            assert (answer.status_code, answer.json()["code"]) == (409, "NAME_EXISTS")
        else:
            assert answer.status_code == 200, answer.text
            self.remember(key, answer, after)

    @rule(key=made, shape=SHAPES)
    def delete(self, key: tuple[str, str], shape: str) -> None:
        header, holds = self.condition(key, shape)
        answer = self.ask("DELETE", "/".join(key), **({} if header is None else {"if_match": header}))
        refused = self.refusal(key, shape, holds)
        assert answer.status_code == (refused or 204), answer.text
        if not refused:
            del self.docs[key], self.etags[key]

    @rule(key=made, shape=st.sampled_from(["right", "weak", "list", "wrong", "any"]))
    def read(self, key: tuple[str, str], shape: str) -> None:
        """If-None-Match on a read compares weakly (RFC 9110 §13.1.2)."""
        header, _ = self.condition(key, shape)
        assert header is not None
        answer = self.ask("GET", "/".join(key), if_none_match=header)
        if key not in self.docs:
            assert answer.status_code == 404
        elif shape == "wrong":
            assert answer.status_code == 200
            self.remember(key, answer, self.docs[key])
        else:
            assert answer.status_code == 304
            assert answer.content == b""
            assert answer.headers["etag"] == self.etags[key]

    @rule(key=made)
    def count(self, key: tuple[str, str]) -> None:
        """A counter moves, which is no content."""
        if key[0] != DATASETS or key not in self.docs:
            return
        emulator = self.app.state.emulator
        kind = emulator.kinds["Dataset"]
        for count in (5, 0):
            with emulator.store.transaction():
                emulator.resources.edit(kind, self.docs[key]["name"], {"recordCount": count}, "the server")
            answer = self.ask("GET", "/".join(key))
            assert (answer.json()["recordCount"], answer.headers["etag"]) == (count, self.etags[key])

    @rule(key=made, text=TEXTS)
    def console(self, key: tuple[str, str], text: str) -> None:
        """Somebody edits past all preconditions."""
        if key not in self.docs:
            return
        emulator = self.app.state.emulator
        kind = emulator.kinds["Dataset" if key[0] == DATASETS else "Connector"]
        with emulator.store.transaction():
            emulator.resources.edit(kind, self.docs[key]["name"], {"description": text}, "maria@console")
        self.remember(key, self.ask("GET", "/".join(key)), {**self.docs[key], "description": text})

    @invariant()
    def the_listing_is_the_model(self) -> None:
        if not hasattr(self, "docs"):
            return
        for collection in (DATASETS, CONNECTORS):
            rows = self.ask("GET", collection).json()["items"]
            shown = {(collection, row["id"]): f'"{row["etag"]}"' for row in rows}
            assert shown == {key: tag for key, tag in self.etags.items() if key[0] == collection}


TestEmulatorModel = EmulatorModel.TestCase
TestEmulatorModel.settings = settings(
    max_examples=400 if ACCEPTANCE else 15, stateful_step_count=40, deadline=None, database=None
)
