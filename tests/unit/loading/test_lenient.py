"""What is valid of a spec in part, and that judging it never repeats what has been said about the rest."""

import copy
from pathlib import Path

import pytest

from reconciler.core.partial import HOLE, Unvalidated
from reconciler.kinds import load_kinds
from reconciler.kinds.metadata import METADATA_MODEL
from reconciler.loading.bind import bind
from reconciler.loading.leaves import StandIn
from reconciler.loading.lenient import validate_leniently
from reconciler.loading.project_file import load_project
from reconciler.loading.yaml import discover, load_files
from tests.support.binding import bind_files, manifest

KINDS = load_kinds()
SAMPLE = Path(__file__).parents[3] / "manifests"


def part_of(kind, spec):
    return validate_leniently(KINDS[kind].spec, spec)


def test_what_is_valid_is_there_and_the_rest_raises():
    part = part_of("Dataset", {"primaryKey": 3, "columns": {"id": "strin", "age": {"type": "number", "maxLength": 9}}})
    assert list(part.columns) == ["id", "age"]
    assert part.columns["age"].max_length == 9
    assert part.description is None
    with pytest.raises(Unvalidated):
        part.primary_key  # noqa: B018
    with pytest.raises(Unvalidated):
        part.columns["id"].type  # noqa: B018
    with pytest.raises(AttributeError):
        part.nonsense  # noqa: B018


def test_items_keep_their_places():
    part = part_of(
        "FieldMapping",
        {"mappings": [{"source": "a", "target": 1}, 2, {"cxoneField": "b", "crmField": "B", "direction": "INBOUND"}]},
    )
    first, second, third = part.mappings
    assert (first.source, second is HOLE, third.crm_field) == ("a", True, "B")
    with pytest.raises(Unvalidated):
        first.target  # noqa: B018


@pytest.mark.parametrize(
    "use", [str, hash, bool, len, list, lambda hole: hole == 1, lambda hole: isinstance(hole, int)]
)
def test_nothing_can_be_done_with_a_hole(use):
    with pytest.raises(Unvalidated):
        use(HOLE)


def test_a_field_that_an_unknown_key_was_meant_for_is_not_known_to_be_absent():
    spec = {"connectorRef": "a", "syncTyp": "FULL", "nonsense": 1}
    part = part_of("ConnectorSync", spec)
    with pytest.raises(Unvalidated):
        part.sync_type  # noqa: B018
    assert part.poll.attempts == 12


def test_text_in_place_of_a_leaf_is_kept_and_judged_by_its_type_alone():
    part = part_of("Ingestion", {"callbackUrl": StandIn("placeholder"), "batchSize": StandIn("placeholder")})
    assert part.callback_url == "placeholder"
    with pytest.raises(Unvalidated):
        part.batch_size  # noqa: B018


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_nothing_at_all_is_valid_in_no_part(kind):
    assert part_of(kind, []) is None
    assert part_of(kind, {}).description is None


def test_a_value_that_is_known_later_only_does_not_take_its_manifest_away(tmp_path):
    spec = (
        '{connectorType: CUSTOM, endpointUrl: "${ref:Dataset/people.id}", version: 1.0.0, '
        'authentication: {type: API_KEY, credentials: {apiKey: "${secret:env:X}"}}}'
    )
    job = '{datasetRef: people, source: {path: a.csv, format: csv}, callbackUrl: "${secret:env:X}"}'
    text = (
        manifest("Dataset", "people", "{primaryKey: id, columns: {id: string}}")
        + manifest("Connector", "crm", spec)
        + manifest("Ingestion", "load", job)
    )
    bound = bind_files(tmp_path, {"manifests/a.yaml": text})
    assert bound.diagnostics == ()
    assert [str(item.key) for item in (*bound.desired, *bound.jobs)] == [
        "Connector/crm",
        "Dataset/people",
        "Ingestion/load",
    ]


class Changed:
    """A document with another value."""

    def __init__(self, document, value):
        self._document = document
        self.value = value

    def __getattr__(self, name):
        return getattr(self._document, name)


def places(value, path=()):
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


def with_broken(spec, path, how):
    """The spec with another type of value at a path, or with a misspelt key there."""
    changed = copy.deepcopy(spec)
    node = changed
    for part in path[:-1]:
        node = node[part]
    if how == "type":
        node[path[-1]] = [[]] if isinstance(node[path[-1]], dict) else {"": 0}
    elif how == "key" and isinstance(node, dict):
        node[f"{path[-1]}x"] = node.pop(path[-1])
    return changed


@pytest.mark.parametrize("how", ["type", "key"])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_one_broken_value_of_the_sample_is_told_once(kind, how):
    project = load_project(SAMPLE)
    documents, _ = load_files(list(discover(project.root, project.manifests)), project.root)
    number = next(index for index, item in enumerate(documents) if item.value["kind"] == kind)
    original = documents[number]
    for path in places(original.value["spec"]):
        spec = with_broken(original.value["spec"], path, how)
        broken = Changed(original, {**original.value, "spec": spec})
        bound = bind(
            [*documents[:number], broken, *documents[number + 1 :]],
            project=project,
            target=project.target("local"),
            kinds=KINDS,
            metadata_model=METADATA_MODEL,
            environ={},
        )
        codes = {item.rule.code for item in bound.diagnostics}
        if any(code.startswith("M3") for code in codes):
            assert not codes & {"M701", "M402"}, (path, [str(item) for item in bound.diagnostics])
