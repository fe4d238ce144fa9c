"""Hypothesis strategies of whole projects: several resources of every kind, with references, secrets and odd texts."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

words = st.sampled_from(["first", "second", "no", "1.0", "", "æ ø å", "a: b # c", "'\"", "~", "x" * 200])
columns = st.dictionaries(
    st.sampled_from(["age", "mail", "since", "no", "a.b"]),
    st.one_of(
        st.sampled_from(["string", "number", "boolean", "date"]),
        st.fixed_dictionaries({"type": st.just("string")}, optional={"maxLength": st.integers(1, 255)}),
        st.fixed_dictionaries({"type": st.just("date")}, optional={"nullable": st.booleans(), "description": words}),
    ),
    max_size=4,
)


def _optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


datasets = st.tuples(_optional(description=words), columns).map(
    lambda pair: {"primaryKey": "id", "columns": {"id": "string", **pair[1]}, **pair[0]}
)
extensions = st.tuples(
    _optional(description=words, storageLimitMb=st.integers(1, 1024)),
    st.dictionaries(st.sampled_from(["x", "y", "z"]), st.sampled_from(["string", "number", "date"]), max_size=3),
).map(
    lambda pair: {
        "fields": [{"name": "id", "type": "string"}, *({"name": k, "type": t} for k, t in pair[1].items())],
        **pair[0],
    }
)
mappings = st.dictionaries(
    st.sampled_from(["a", "b", "c"]),
    _optional(transformation=st.sampled_from(["trim", "lowercase"])),
    max_size=3,
).map(
    lambda found: [
        {"cxoneField": name, "crmField": name.upper(), "direction": "INBOUND", **more} for name, more in found.items()
    ]
)
connectors = st.tuples(
    _optional(
        description=words,
        lifecycleStatus=st.sampled_from(["ACTIVE", "INACTIVE"]),
        mappings=mappings,
        syncSettings=_optional(batchSize=st.integers(1, 900), retryAttempts=st.integers(0, 9)),
    ),
    st.sampled_from(["https://crm.example.com", "https://CRM.example.com:443/b"]),
    st.sampled_from(["1.0.0", "1.2.0"]),
).map(
    lambda found: {
        "connectorType": "CUSTOM",
        "endpointUrl": found[1],
        "version": found[2],
        "authentication": {
            "type": "BASIC",
            "credentials": {"username": "svc", "password": "${secret:env:SECRET_ONE}"},
        },
        **found[0],
    }
)
schemas = st.dictionaries(
    st.sampled_from(["id", "tier"]), st.fixed_dictionaries({"type": st.sampled_from(["string", "number"])}), max_size=2
).map(lambda found: {"type": "object", "properties": found})
actions = st.tuples(
    _optional(description=words, timeoutSeconds=st.integers(1, 30)),
    schemas,
    st.dictionaries(
        st.sampled_from(["REGION", "KEY", "CRM"]),
        st.sampled_from(["eu", "${secret:env:SECRET_ONE}", "${ref:Connector/one.id}"]),
        max_size=3,
    ),
).map(
    lambda found: {
        "runtime": "nodejs20",
        "code": {"path": "code"},
        "inputs": found[1],
        "outputs": found[1],
        "environment": found[2],
        **found[0],
    }
)
streams = _optional(
    description=words,
    eventTypes=st.lists(st.sampled_from(["call", "chat", "email"]), unique=True, max_size=3),
    status=st.sampled_from(["ACTIVE", "PAUSED"]),
).map(lambda more: {"actionRef": "one", **more})

KINDS = {"Dataset": datasets, "DataExtension": extensions, "Connector": connectors, "DataAction": actions}
Specs = dict[tuple[str, str], dict[str, Any]]


@st.composite
def projects(draw: st.DrawFn) -> Specs:
    """Specs by kind and name: one of each kind at least, since references point to them."""
    found: Specs = {}
    for kind, strategy in KINDS.items():
        for name in ["one", *draw(st.lists(st.sampled_from(["two", "three"]), unique=True))]:
            found[kind, name] = draw(strategy)
    for name in draw(st.lists(st.sampled_from(["one", "two"]), unique=True)):
        found["EventStream", name] = draw(streams)
    return found
