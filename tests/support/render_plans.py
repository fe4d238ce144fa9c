"""Plans to render: one made-up kind with everything that a kind can have, and worlds made of it."""

from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.core.diagnostic import Mark, PathParts
from reconciler.core.kind import BundleField, Kind, LifecycleField, SchemaField, SecretMap, Wire
from reconciler.core.plan import Header, Plan
from reconciler.core.planning import Options, make_plan
from reconciler.core.report import Report, Result
from reconciler.core.resource import Desired, Entry, Key, Ledger, Lifecycle, Observed
from reconciler.core.values import Bundle, Secret, Template, Tree, Unknown

WIDGET = Kind(
    "Widget",
    "resource",
    object,
    "A made-up kind.",
    wire=Wire("/widgets", ("widgets:read",), ("widgets:write",), version_field="revision"),
    read_only=frozenset({"revision", "lastModifiedBy", "lastModifiedTime", "recordCount", "codeSha"}),
    volatile=frozenset({"recordCount"}),
    keyed_lists={"parts": ("name",)},
    sets=frozenset({"tags"}),
    whole=frozenset({"columns", "environment"}),
    secret_maps=(SecretMap("credentials", frozenset({"clientId"})),),
    bundle=BundleField("code", "codeSha"),
    lifecycle=LifecycleField("status", "DRAFT", {"DRAFT": frozenset({"ACTIVE"}), "ACTIVE": frozenset({"INACTIVE"})}),
    table=SchemaField("columns", "recordCount", "primaryKey"),
)
KINDS = {"Widget": WIDGET}
HEADER = Header(
    target="prod",
    url="https://api-us-2.cxone.example",
    stack="contact-centre",
    created="2026-03-01T12:00:00Z",
    expires="2026-03-02T12:00:00Z",
    commit="0123456789abcdef0123456789abcdef01234567",
    manifests="ab" * 32,
    tool="0.1.0",
)

_A, _B, _C, _D, _E = (Key("Widget", name) for name in "abcde")
REPORT = Report(
    (
        Result(_A, "create", "applied", "id-a"),
        Result(_B, "update", "stale", "id-b", "S001", "size is 3 now, planned on 2", "plan again"),
        Result(_C, "create", "failed", "", "H006", "the name is taken", "declare another name"),
        Result(_D, "create", "skipped", because=_C),
        Result(_E, "delete", "unknown", "id-e", "H002", "no answer came", "apply --resume"),
    ),
    diverged=((_A, "label is still old"),),
    signal=15,
    requests={"PATCH": 2, "GET": 4},
)


def widget(name: str, *, line: int = 1, after: Iterable[str] = (), **fields: Any) -> Desired:
    """A desired widget, declared in ``manifests/NAME.yaml``; every field is located on a line of its own."""
    tree: Tree = {"name": name, **fields}
    places = {key: line + 3 + index for index, key in enumerate(tree)}

    def locate(path: PathParts) -> Mark:
        return Mark(f"manifests/{name}.yaml", places.get(str(path[0]), line) if path else line, 1)

    return Desired(
        Key("Widget", name),
        tree,
        Lifecycle(),
        tuple(Key("Widget", other) for other in after),
        file=f"manifests/{name}.yaml",
        locate=locate,
    )


def live(name: str, *, by: str = "jane@example.com", etag: str = "e1", **fields: Any) -> Observed:
    """A live widget, last written by somebody at a fixed time."""
    body = {
        "id": f"id-{name}",
        "name": name,
        "revision": 7,
        "lastModifiedBy": by,
        "lastModifiedTime": "2026-02-28T09:30:00Z",
        **fields,
    }
    return Observed("Widget", f"id-{name}", body, etag)


def applied(name: str, *, protect: bool = False, retain: bool = False, **fields: Any) -> Entry:
    """What the ledger holds of a widget."""
    return Entry(Key("Widget", name), f"id-{name}", {"name": name, **fields}, (), protect, retain)


def plan_of(
    desired: Iterable[Desired] = (),
    observed: Iterable[Observed] = (),
    entries: Iterable[Entry] = (),
    *,
    header: Header = HEADER,
    **options: Any,
) -> Plan:
    """Plan a world of widgets."""
    ledger = Ledger("contact-centre", "prod", {entry.key: entry for entry in entries}, salt="00")
    return make_plan(desired, {"Widget": list(observed)}, ledger, KINDS, header=header, options=Options(**options))


def secret(name: str, value: str | None = None, fingerprint: str = "") -> Secret:
    """A secret from the environment; with a value it has a fingerprint, too."""
    return Secret(f"${{env:{name}}}", value, fingerprint or (f"fp:{len(value)}" if value is not None else ""))


def worlds() -> Mapping[str, Plan]:
    """One plan for every thing that a plan can say, by the name of its golden file."""
    return {
        "empty": plan_of([widget("a", size=1)], [live("a", size=1)], [applied("a", size=1)]),
        "nothing_at_all": plan_of(header=Header()),
        "creates": _creates(),
        "updates": _updates(),
        "drift": _drift(),
        "conflict": _conflict(),
        "gone": _gone(),
        "adopt": plan_of([widget("a", size=2, credentials={"secretKey": secret("K", "v")})], [live("a", size=1)]),
        "moved": _moved(),
        "secrets": _secrets(),
        "schema": _schema(),
        "refused": _refused(),
        "partial": plan_of([widget("a")], [], [applied("b")], partial=True, rate=2.0),
        "best_effort": plan_of([widget("a", size=2)], [live("a", etag="", size=1)], [applied("a", size=1)]),
        "hostile": _hostile(),
        "long_values": _long_values(),
    }


def _creates() -> Plan:
    bundle = Bundle("cd" * 32, {"index.js": "1" * 64, "lib/crm.js": "2" * 64}, "actions/lookup", (), 2048)
    return plan_of(
        [
            widget("store", columns={"id": {"type": "string"}, "age": {"type": "number", "nullable": True}}),
            widget(
                "lookup",
                after=["store"],
                code=bundle,
                status="ACTIVE",
                timeoutSeconds=10,
                environment={
                    "STORE": Unknown("Widget", "store", "id"),
                    "URL": Template(("https://host/", Unknown("Widget", "store", "id"), "/rows")),
                },
                credentials={"clientId": "reconciler", "clientSecret": secret("CLIENT_SECRET", "canary-1")},
            ),
            widget("stream", after=["lookup"], tags=["CALL_STARTED", "CALL_ENDED"], retries=0, ratio=0.5, note=None),
        ],
        rate=10.0,
    )


def _updates() -> Plan:
    before = {
        "size": 1,
        "label": "old",
        "tags": ["a", "b"],
        "parts": [{"name": "wheel", "count": 4}, {"name": "axle", "count": 2}],
        "code": Bundle("11" * 32, {"a.js": "1", "b.js": "2"}),
    }
    return plan_of(
        [
            widget(
                "cart",
                size=2,
                tags=["b", "c"],
                parts=[{"name": "wheel", "count": 6}, {"name": "seat", "count": 1}],
                code=Bundle("22" * 32, {"a.js": "9", "c.js": "3"}, "cart"),
                limits={"perSecond": 5},
            )
        ],
        [live("cart", **{**before, "code": None, "codeSha": "11" * 32})],
        [applied("cart", **before)],
    )


def _drift() -> Plan:
    return plan_of(
        [
            widget("a", size=1, tags=["x"], parts=[{"name": "wheel", "count": 4}]),
            widget("b", size=1),
            widget("c", size=1),
        ],
        [
            live("a", size=9, tags=["x", "y"], parts=[{"name": "wheel", "count": 4}, {"name": "horn", "count": 1}]),
            live("c", size=1),
        ],
        [
            applied("a", size=1, tags=["x"], parts=[{"name": "wheel", "count": 4}]),
            applied("b", size=1),
            applied("c", size=1),
        ],
    )


def _conflict() -> Plan:
    return plan_of(
        [widget("a", endpoint="https://git.example/v3", size=1), widget("b", size=1)],
        [live("a", endpoint="https://tenant.example/v2", size=5), live("b", size=2, by="")],
        [applied("a", endpoint="https://first.example/v1", size=1), applied("b", size=1)],
    )


def _gone() -> Plan:
    return plan_of(
        [widget("kept", size=1)],
        [live(name, size=1, tags=["x"]) for name in ("kept", "old", "safe", "retained")],
        [
            applied("kept", size=1),
            applied("old", size=1),
            applied("safe", size=1, protect=True),
            applied("retained", size=1, retain=True),
            applied("vanished", size=1),
        ],
        prune=True,
    )


def _moved() -> Plan:
    from dataclasses import replace

    moved = replace(widget("new", size=1), moved_from=Key("Widget", "old"))
    return plan_of([replace(moved, fields={"name": "old", "size": 1})], [live("old", size=1)], [applied("old", size=1)])


def _secrets() -> Plan:
    known = {
        "a": secret("A", fingerprint="fp:old"),
        "b": secret("B", fingerprint="fp:b"),
        "c": secret("C", fingerprint="x"),
    }
    return plan_of(
        [
            widget(
                "vault",
                credentials={
                    "clientId": "me",
                    "a": secret("A", "canary-new"),
                    "b": secret("B"),
                    "c": secret("C", "canary-c", "x"),
                    "d": secret("D", "canary-d"),
                },
            ),
            widget("waiting", credentials={"b": secret("B")}),
        ],
        [
            live("vault", credentials={"clientId": "me", "a": "********", "b": "********"}),
            live("waiting", credentials={"b": "********"}),
        ],
        [applied("vault", credentials={"clientId": "me", **known}), applied("waiting", credentials={"b": known["b"]})],
    )


def _schema() -> Plan:
    key = Key("Widget", "table")
    return plan_of(
        [widget("table", columns={"id": {"type": "string"}, "age": {"type": "string"}, "mail": {"type": "string"}})],
        [live("table", recordCount=12, columns={"id": {"type": "string"}, "age": {"type": "number"}})],
        [applied("table", columns={"id": {"type": "string"}, "age": {"type": "number"}})],
        readers={key: (Key("FieldMapping", "people"), Key("Ingestion", "orders"))},
    )


def _refused() -> Plan:
    return plan_of([widget("a", size=1), widget("b", size=1)], [live("b", size=1)], [applied("z", size=1)])


NASTY = "x\x1b[2J\u202e\n```\n</details><script>alert(1)</script> @octocat #1 ``` | [a](javascript:b) \u200b\x9b &amp;"


def _hostile() -> Plan:
    return plan_of(
        [
            widget("evil", label=NASTY, environment={NASTY: NASTY}, note="````````"),
            widget("forged", label="(secret)", other="a → b", parts=[{"name": "] → x", "count": 1}], code="--> <!--"),
        ],
        [live("forged", by=NASTY, label=NASTY, other="plain", parts=[{"name": NASTY, "count": 2}], code="")],
        [applied("forged", label="(known after apply)", other="plain", parts=[], code="")],
    )


def _long_values() -> Plan:
    text = " ".join(f"word{index}" for index in range(80))
    schema = {
        "type": "object",
        "properties": {f"field{index}": {"type": "string"} for index in range(45)},
    }
    return plan_of(
        [
            widget("wide", text=text.replace("word50", "WORD-50"), inputs=schema, tags=[f"tag{i}" for i in range(60)]),
            widget("new", text=text, inputs=schema),
        ],
        [live("wide", text=text, inputs={"type": "array"}, tags=[f"tag{i}" for i in range(1, 60)])],
        [applied("wide", text=text, inputs={"type": "array"}, tags=[f"tag{i}" for i in range(1, 60)])],
    )
