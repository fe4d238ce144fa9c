"""Whatever a tenant holds, an export is a project that says exactly that, or says what it cannot say."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from reconciler.core.labels import MAX_LABEL, labels_for
from reconciler.core.resource import Key, Observed
from reconciler.core.values import Tree
from reconciler.engine.export.exporting import Export, export
from reconciler.engine.export.survey import Survey, survey
from reconciler.engine.export.writing import Wanted
from reconciler.loading.format import format_text
from reconciler.loading.manifest import Bound
from reconciler.model import LABEL_PATTERN
from tests.support.project import Project

_HOSTILE = [
    *("../../etc/passwd", "a/b", "..", ".", "con", "NUL", "true", "null", "yes", "123", "1e3", "~", "-", "---", "a: b", "#x", "*a", "&a"),
    *("a\nb", "a\tb", "\u202egnp.exe", "é", "e\u0301", "😀", "😀😀", " ", "", "a" * 300, "Ä" * 128, "${secret:env:HOME}", "$${x}", "a\0b"),
    *("People", "people", "PEOPLE", "peo ple", "peo-ple", "people-", "<script>alert(1)</script>", "`|`", "a,b", "[a]", "{a}", "\ufeff"),
]  # fmt: skip
_TEXTS = st.one_of(st.sampled_from(_HOSTILE), st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60))
_JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False), _TEXTS
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_TEXTS, inner, max_size=3)),
    max_leaves=8,
)
_IDS = st.text(alphabet="abc123456789", min_size=9, max_size=9)
_COLUMN = st.one_of(
    st.sampled_from(["string", "number", "date"]),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["string", "number", "date"])},
        optional={"nullable": st.booleans(), "maxLength": st.integers(-1, 300), "description": _TEXTS},
    ),
)


@st.composite
def _dataset(draw: st.DrawFn) -> Tree:
    columns = draw(st.dictionaries(_TEXTS, _COLUMN, min_size=1, max_size=4))
    return {
        "name": draw(_TEXTS),
        "primaryKey": draw(st.one_of(st.sampled_from(sorted(columns)), _TEXTS)),
        "columns": columns,
        **draw(st.fixed_dictionaries({}, optional={"description": st.one_of(_TEXTS, st.none()), "later": _JSON})),
    }


@st.composite
def _connector(draw: st.DrawFn) -> Tree:
    mapping = st.fixed_dictionaries({"cxoneField": _TEXTS, "crmField": _TEXTS, "direction": st.just("INBOUND")})
    return {
        "name": draw(_TEXTS),
        "connectorType": draw(st.sampled_from(["CUSTOM", "SALESFORCE", "OTHER"])),
        "endpointUrl": draw(st.one_of(st.just("https://x.example"), st.just("https://a:b@x.example"), _TEXTS)),
        "version": "1.0.0",
        "lifecycleStatus": draw(st.sampled_from(["DRAFT", "ACTIVE", "ERROR"])),
        "authentication": {
            "type": "BASIC",
            "credentials": draw(st.dictionaries(_TEXTS, st.one_of(_TEXTS, st.none()), max_size=3)),
        },
        "mappings": draw(st.lists(mapping, max_size=2)),
    }


@st.composite
def _action(draw: st.DrawFn, ids: st.SearchStrategy[str] = _IDS) -> Tree:
    secret = st.just({"value": "********", "secret": True})
    schema = {"properties": draw(st.dictionaries(_TEXTS, _JSON, max_size=2))}
    return {
        "name": draw(st.one_of(st.from_regex(r"[a-z0-9-]{1,70}", fullmatch=True), _TEXTS)),
        "runtime": "nodejs20",
        "codeSha256": draw(st.one_of(st.just("ab" * 32), st.none())),
        "inputs": schema,
        "outputs": {"properties": {}},
        "timeoutSeconds": draw(st.sampled_from([30, 5, 5.0, 99])),
        "environment": draw(
            st.dictionaries(st.from_regex(r"[A-Z_]{1,5}", fullmatch=True), st.one_of(_TEXTS, ids, secret), max_size=3)
        ),
    }


@st.composite
def _tenants(draw: st.DrawFn) -> dict[str, list[Observed]]:
    kinds: dict[str, Any] = {"Dataset": _dataset(), "Connector": _connector(), "DataAction": _action()}
    tenant = {}
    for kind, bodies in kinds.items():
        found = draw(st.dictionaries(_IDS, bodies, max_size=4))
        tenant[kind] = [Observed(kind, id_, {**body, "id": id_, "etag": "e"}, "e") for id_, body in found.items()]
    actions = [item.id for item in tenant["DataAction"]]
    streams = draw(st.dictionaries(_IDS, st.one_of(_IDS, *(st.just(one) for one in actions)), max_size=3))
    tenant["EventStream"] = [
        Observed("EventStream", id_, {"id": id_, "name": f"stream {id_}", "actionId": action, "status": "ACTIVE"}, "e")
        for id_, action in streams.items()
    ]
    return tenant


@pytest.fixture(scope="module")
def surveyed(tmp_path_factory: pytest.TempPathFactory) -> Survey:
    project = Project.create(tmp_path_factory.mktemp("export") / "project")
    return survey(project.root, "local", ["Dataset"], debug=lambda _: None, environ={})


def _exported(surveyed: Survey, tenant: dict[str, list[Observed]]) -> Export:
    session = surveyed.session
    session.workspace = replace(session.workspace, bound=Bound())
    return export(replace(surveyed, observed=tenant), Wanted())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
@given(_tenants())
def test_everything_is_either_a_manifest_or_said_to_be_none(
    surveyed: Survey, tenant: dict[str, list[Observed]]
) -> None:
    made = _exported(surveyed, tenant)
    account = made.account(dry_run=True)
    written = {(item.live.kind, item.live.id) for item in made.written.items}
    missing = {(item.kind, item.id) for item in account.missing}
    everything = {(item.kind, item.id) for items in tenant.values() for item in items}
    assert written | missing == everything
    assert not written & missing
    keys = [item.key for item in made.written.items]
    assert len(set(keys)) == len(keys)
    for key in keys:
        assert re.fullmatch(LABEL_PATTERN, key.name)
    for file, text in made.files.items():
        assert re.fullmatch(r"manifests/[a-z-]+/[a-z0-9-]{1,63}\.yaml", file)
        assert ".." not in PurePosixPath(file).parts
        assert format_text(text, file) == text
        assert not [one for one in everything if f"actionRef: {one[1]}\n" in text]
    variables = [item.variable for item in account.secrets]
    assert len(set(variables)) == len(variables)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
@given(_tenants(), st.randoms(use_true_random=False))
def test_the_order_of_listings_and_the_ids_mean_nothing(
    surveyed: Survey, tenant: dict[str, list[Observed]], random: Any
) -> None:
    made = _exported(surveyed, tenant)
    assume(not made.account(dry_run=True).literal_ids)
    first = made.files
    ids = {item.id for items in tenant.values() for item in items}
    renamed = {id_: f"z{number:08}" for number, id_ in enumerate(random.sample(sorted(ids), len(ids)))}
    other = {}
    for kind, items in tenant.items():
        other[kind] = [
            Observed(kind, renamed[item.id], _renamed(dict(item.body), renamed), "other")
            for item in random.sample(items, len(items))
        ]
    assert _exported(surveyed, other).files == first


def test_an_id_of_what_was_left_out_is_told(surveyed: Survey) -> None:
    nameless = Observed("Dataset", "3cb337c34", {"name": "", "primaryKey": "a", "columns": {"a": "string"}}, "e")
    body = {
        "name": "one",
        "runtime": "nodejs20",
        "codeSha256": "ab" * 32,
        "inputs": {"properties": {}},
        "outputs": {"properties": {}},
        "environment": {"TABLE": nameless.id, "OTHER": "123456789"},
    }
    tenant = {"Dataset": [nameless], "DataAction": [Observed("DataAction", "9", body, "e")]}
    account = _exported(surveyed, tenant).account(dry_run=True)
    assert [item.id for item in account.missing] == [nameless.id]
    assert account.literal_ids == ((Key("DataAction", "one"), "environment.TABLE"),)


def _renamed(value: Any, ids: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _renamed(item, ids) for key, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, ids) for item in value]
    return ids.get(value, value) if isinstance(value, str) else value


@given(st.lists(_TEXTS, max_size=12), st.sets(st.from_regex(r"[a-z0-9]{1,3}", fullmatch=True), max_size=3))
def test_labels_are_legal_unique_and_their_own(names: list[str], taken: set[str]) -> None:
    labels = labels_for(names, taken, "dataset")
    assert set(labels) == set(names)
    assert len({*labels.values()}) == len(labels)
    assert not {*labels.values()} & taken
    assert all(re.fullmatch(LABEL_PATTERN, label) and len(label) <= MAX_LABEL for label in labels.values())
    assert labels == labels_for(names[::-1], taken, "dataset")
    assert all(labels[name] == name for name in names if re.fullmatch(LABEL_PATTERN, name) and name not in taken)


def _live(kind: str, id_: str, **body: Any) -> Observed:
    return Observed(kind, id_, {"id": id_, **body}, "e")


def test_names_that_several_bear_and_references_that_lead_nowhere(surveyed: Survey) -> None:
    table = {"primaryKey": "a", "columns": {"a": {"type": "string", "nullable": False}}}
    tenant = {
        "Dataset": [_live("Dataset", f"table-{number}", name=name, **table) for number, name in enumerate("aab")],
        "EventStream": [_live("EventStream", "stream", name="calls", actionId="gone")],
    }
    made = _exported(surveyed, tenant)
    assert list(made.files) == ["manifests/datasets/b.yaml"]
    assert [(item.id, item.reason) for item in made.written.left_out] == [
        ("table-0", "2 Datasets have this name; rename all but one of them in the tenant"),
        ("table-1", "2 Datasets have this name; rename all but one of them in the tenant"),
        ("stream", "its actionId is gone, which is no DataAction that can be declared"),
    ]


def test_what_is_needed_by_what_cannot_be_declared_goes_with_it(surveyed: Survey) -> None:
    action = {
        "runtime": "nodejs20",
        "codeSha256": "ab" * 32,
        "inputs": {"properties": {}},
        "outputs": {"properties": {}},
    }
    tenant = {
        "DataAction": [_live("DataAction", "action-001", name="No Such Name", **action)],
        "EventStream": [_live("EventStream", "stream-001", name="calls", actionId="action-001")],
    }
    made = _exported(surveyed, tenant)
    assert made.files == {}
    assert [item.kind for item in made.written.left_out] == ["DataAction", "EventStream"]


def test_ids_in_text_never_close_a_circle(surveyed: Survey) -> None:
    action = {
        "runtime": "nodejs20",
        "codeSha256": "ab" * 32,
        "inputs": {"properties": {}},
        "outputs": {"properties": {}},
    }
    tenant = {
        "DataAction": [
            _live("DataAction", "action-001", name="a", environment={"P": "action-002", "Q": "action-001"}, **action),
            _live("DataAction", "action-002", name="b", environment={"P": "action-001", "Q": "stream-001"}, **action),
        ],
        "EventStream": [_live("EventStream", "stream-001", name="calls", actionId="action-002")],
    }
    made = _exported(surveyed, tenant)
    assert "P: ${ref:DataAction/b.id}\n    Q: action-001\n" in made.files["manifests/data-actions/a.yaml"]
    assert "P: action-001\n    Q: stream-001\n" in made.files["manifests/data-actions/b.yaml"]
    assert [f"{key} {path}" for key, path in made.account(dry_run=True).literal_ids] == [
        "DataAction/a environment.Q",
        "DataAction/b environment.P",
        "DataAction/b environment.Q",
    ]


def test_a_folder_for_keys() -> None:
    wanted = Wanted(folder="a/b", split="kind")
    assert wanted.file(Key("DataAction", "x")) == "a/b/data-actions.yaml"
    assert Path(Wanted().file(Key("Dataset", "x"))) == Path("manifests/datasets/x.yaml")
