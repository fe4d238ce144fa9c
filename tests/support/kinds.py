"""Made-up kinds that use everything a kind can say, and generators of their resources.

`Widget` has every feature of comparing and a lifecycle, `Gadget` refers to widgets and is updated by PUT, `Ledgerbook` is a table
with a schema. None of them exists in the product: the core knows nothing of real kinds.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from reconciler.core.kind import (
    BundleField,
    Kind,
    LifecycleField,
    Reference,
    SchemaField,
    SecretMap,
    Wire,
)
from reconciler.core.values import Bundle, Secret, Template, Tree, Unknown

SERVER = frozenset({"id", "etag", "lastModifiedBy", "lastModifiedTime"})

WIDGET = Kind(
    name="Widget",
    kind_class="resource",
    spec=object,
    summary="Everything at once.",
    wire=Wire("/widgets", ("w:read",), ("w:write",), version_field="version"),
    read_only=SERVER | {"codeSha256", "uses"},
    volatile=frozenset({"uses"}),
    immutable=frozenset({"region"}),
    required=frozenset({"name"}),
    defaults={"settings.speed": 5, "settings.mode": "calm", "parts": [], "vars": {}, "size": 1},
    keyed_lists={"parts": ("id", "name"), "settings.steps": ("id",)},
    sets=frozenset({"tags", "labels.*.colours"}),
    whole=frozenset({"labels", "vars", "opaque"}),
    normalisers={"home": "url", "labels.*": "number"},
    secret_maps=(SecretMap("credentials", frozenset({"user"})), SecretMap("vars", None)),
    bundle=BundleField("code", "codeSha256"),
    lifecycle=LifecycleField(
        "status",
        "DRAFT",
        {
            "DRAFT": frozenset({"ACTIVE", "INACTIVE"}),
            "ACTIVE": frozenset({"INACTIVE"}),
            "INACTIVE": frozenset({"ACTIVE"}),
            "ERROR": frozenset({"ACTIVE"}),
        },
        with_fields=("version",),
    ),
)

GADGET = Kind(
    name="Gadget",
    kind_class="resource",
    spec=object,
    summary="Refers to widgets; replaced as a whole.",
    wire=Wire("/gadgets", ("g:read",), ("g:write",), update="PUT"),
    read_only=SERVER | {"codeSha256"},
    whole=frozenset({"vars"}),
    references=(Reference("widgetRef", ("Widget",), "widgetId"),),
    secret_maps=(SecretMap("credentials", frozenset({"user"})), SecretMap("vars", None)),
    bundle=BundleField("code", "codeSha256"),
    lifecycle=LifecycleField("state", "OFF", {"OFF": frozenset({"ON"}), "ON": frozenset({"OFF"})}),
)

THING = replace(
    GADGET,
    bundle=None,
    references=(
        Reference("orderRef", ("Widget",)),
        Reference("firstRef", ("Widget", "Gadget"), "firstId"),
        Reference("secondRef", ("Widget", "Gadget"), "secondId"),
    ),
)
"""A gadget without code, which may refer to others in two ways, and by a name that the API has no id for."""

TABLE = Kind(
    name="Ledgerbook",
    kind_class="resource",
    spec=object,
    summary="A table with a schema.",
    wire=Wire("/books", ("b:read",), ("b:write",)),
    read_only=SERVER | {"recordCount"},
    volatile=frozenset({"recordCount"}),
    required=frozenset({"name", "columns"}),
    whole=frozenset({"columns"}),
    normalisers={"columns.*": "column"},
    table=SchemaField("columns", "recordCount", "primaryKey"),
)

KINDS = {kind.name: kind for kind in (WIDGET, GADGET, TABLE)}


def fingerprint(secret: Secret) -> str:
    """A stand-in for the ledger's salted fingerprints: empty where the value is out of reach."""
    if not secret.resolved:
        return secret.fingerprint
    return "fp-" + hashlib.sha256(secret.reveal().encode()).hexdigest()[:12]


def sealed(reference: str, value: str) -> Secret:
    """A secret as planning sees it: value and fingerprint."""
    secret = Secret(reference, value)
    return Secret(reference, value, fingerprint(secret))


words = st.sampled_from(["a", "b", "c", "x.y", "é", ""])
scalars = st.one_of(
    st.none(), st.booleans(), st.sampled_from([0, 1, 2, 1.0, 0.5]), words, st.sampled_from(["true", "1"])
)
names = st.sampled_from(["a", "b", "c", "d"])
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=3), max_leaves=6
)
secrets = st.builds(sealed, st.sampled_from(["env:ONE", "env:TWO"]), st.sampled_from(["hunter2", "swordfish"]))


def _keyed(items: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"id": name, **item} for name, item in items.items()]


part_lists = st.dictionaries(names, st.dictionaries(st.sampled_from(["x", "y"]), scalars, max_size=2), max_size=3).map(
    _keyed
)
settings = st.fixed_dictionaries(
    {},
    optional={
        "speed": st.sampled_from([None, 1, 5, 7]),
        "mode": st.sampled_from([None, "calm", "wild"]),
        "steps": part_lists,
        "deep": json_values,
    },
)
labels = st.dictionaries(
    names,
    st.one_of(
        st.sampled_from([1, 2, "v"]),
        st.fixed_dictionaries({}, optional={"colours": st.lists(names, max_size=3), "text": scalars}),
    ),
    max_size=3,
)
bundles = st.sampled_from(
    [Bundle("aa", {"index.js": "1"}, "code", (), 9), Bundle("bb", {"index.js": "2"}, "code", (), 9)]
)


def variables(references: st.SearchStrategy[Any]) -> st.SearchStrategy[Tree]:
    """A map of variables, in which plain texts, secrets and references stand side by side."""
    return st.dictionaries(
        st.sampled_from(["A", "B", "C"]), st.one_of(st.sampled_from(["v", "w"]), secrets, references)
    )


def credentials() -> st.SearchStrategy[Tree]:
    """A map in which some keys are plain and all others are secrets."""
    return st.fixed_dictionaries(
        {}, optional={"user": st.sampled_from(["u", "v"]), "token": secrets, "password": secrets}
    )


def widgets(references: st.SearchStrategy[Any]) -> st.SearchStrategy[Tree]:
    """The fields of a widget but for its name."""
    return st.fixed_dictionaries(
        {},
        optional={
            "description": scalars,
            "size": scalars,
            "home": st.sampled_from(["HTTP://Example.com:80/", "http://example.com", "https://b.example/x"]),
            "settings": settings,
            "tags": st.lists(names, max_size=3, unique=True),
            "parts": part_lists,
            "labels": labels,
            "opaque": st.dictionaries(names, json_values, max_size=3),
            "credentials": credentials(),
            "vars": variables(references),
            "code": bundles,
            "version": st.sampled_from(["1.0.0", "1.1.0"]),
            "status": st.sampled_from(["ACTIVE", "INACTIVE"]),
        },
    )


def gadgets(references: st.SearchStrategy[Any]) -> st.SearchStrategy[Tree]:
    """The fields of a gadget but for its name."""
    return st.fixed_dictionaries(
        {"widgetId": references},
        optional={
            "note": scalars,
            "vars": variables(references),
            "credentials": credentials(),
            "code": bundles,
            "state": st.sampled_from(["ON", "OFF"]),
        },
    )


columns = st.one_of(
    st.sampled_from(["string", "number"]),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["string", "date"])},
        optional={"nullable": st.booleans(), "maxLength": st.sampled_from([None, 10, 20])},
    ),
)


def tables() -> st.SearchStrategy[Tree]:
    """The fields of a table but for its name."""
    return st.fixed_dictionaries(
        {"columns": st.dictionaries(names, columns, min_size=1, max_size=3), "primaryKey": st.just("a")}
    )


def template(kind: str, name: str) -> Template:
    """A text with a reference inside."""
    return Template(("https://host/", Unknown(kind, name, "id"), "/end"))
