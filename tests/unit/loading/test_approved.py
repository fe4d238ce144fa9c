"""Manifests that were found good are not judged again; whatever else decides about them is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.kind import Finding, Lookup
from reconciler.kinds import load_kinds
from reconciler.kinds.metadata import METADATA_MODEL
from reconciler.loading import approved as module
from reconciler.loading.approved import Approved
from reconciler.loading.bind import bind
from reconciler.loading.manifest import Bound
from reconciler.loading.project import Project, local_target
from reconciler.loading.yaml import discover, load_files
from tests.support.binding import manifest, shown, write

DATASET = manifest("Dataset", "people", "{primaryKey: id, columns: {id: string, age: number}}")
MAPPING = manifest("FieldMapping", "ages", "{validateAgainst: Dataset/people, mappings: [{source: a, target: age}]}")
CONNECTOR = manifest(
    "Connector",
    "crm",
    "{connectorType: CUSTOM, endpointUrl: 'https://x.example', version: 1.0.0, "
    "authentication: {type: BASIC, credentials: {username: u, password: '${secret:env:P}'}}}",
)


class Counting:
    """A kind's model that counts how often it judges."""

    def __init__(self, model: Any) -> None:
        self.model, self.calls = model, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)

    def model_validate(self, value: Any) -> Any:
        self.calls += 1
        return self.model.model_validate(value)


class Desk:
    """A folder whose manifests are bound again and again."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.kinds = dict(load_kinds())
        self.models = {name: Counting(kind.spec) for name, kind in self.kinds.items()}
        for name, model in self.models.items():
            self.kinds[name] = replace(self.kinds[name], spec=model)
        self.targets = ["local"]

    def bind(self, *texts: str) -> Bound:
        write(self.root, {"manifests/all.yaml": "".join(texts)})
        documents, diagnostics = load_files(discover(self.root, ["manifests"]), self.root)
        targets = {name: replace(local_target(), name=name) for name in self.targets}
        for model in self.models.values():
            model.calls = 0
        return bind(
            documents,
            project=Project(self.root, "test", "test", targets=targets),
            target=targets["local"],
            kinds=self.kinds,
            metadata_model=METADATA_MODEL,
            environ={},
            earlier=diagnostics,
            approved=Approved(self.root / "cache", self.targets),
        )

    def judged(self, kind: str) -> int:
        return self.models[kind].calls


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_good_manifest_is_judged_once(desk: Desk) -> None:
    first = desk.bind(DATASET)
    assert desk.judged("Dataset") == 1
    assert desk.bind(DATASET) == first
    assert desk.judged("Dataset") == 0
    desk.bind(DATASET.replace("number", "date"))
    assert desk.judged("Dataset") == 1


def test_what_refers_to_it_is_judged_every_time(desk: Desk) -> None:
    desk.bind(DATASET, MAPPING)
    assert not desk.bind(DATASET, MAPPING).failed
    assert (desk.judged("Dataset"), desk.judged("FieldMapping")) == (1, 1)
    assert "'agee' does not exist in Dataset/people" in shown(desk.bind(DATASET, MAPPING.replace("age}", "agee}")))
    assert "there is no Dataset/people" in shown(desk.bind(MAPPING))


def test_a_check_that_looks_at_others_is_made_every_time(desk: Desk) -> None:
    def check(_: Any, lookup: Lookup) -> list[Finding]:
        return [Finding(("columns",), "somebody maps this", "")] if lookup("FieldMapping/ages") is not None else []

    desk.kinds["Dataset"] = replace(desk.kinds["Dataset"], check=check)
    assert not desk.bind(DATASET).failed
    assert "somebody maps this" in shown(desk.bind(DATASET, MAPPING))


def test_what_holds_an_expression_is_judged_every_time(desk: Desk) -> None:
    for _ in range(2):
        assert not desk.bind(CONNECTOR).failed
        assert desk.judged("Connector") == 1


def test_a_warning_is_said_every_time(desk: Desk) -> None:
    odd = manifest(
        "Connector",
        "crm",
        "{connectorType: CUSTOM, endpointUrl: 'https://x.example', version: 1.0.0, "
        "authentication: {type: BASIC, credentials: {username: u}}, "
        "mappings: [{cxoneField: a, crmField: b, direction: BIDIRECTIONAL}]}",
    )
    first = desk.bind(odd)
    assert [item.severity for item in first.diagnostics] == ["warning", "warning"]
    assert desk.bind(odd) == first


def test_nothing_is_remembered_of_a_run_with_an_error(desk: Desk) -> None:
    assert desk.bind(DATASET, MAPPING.replace("age}", "agee}")).failed
    desk.bind(DATASET)
    assert desk.judged("Dataset") == 1


def test_the_same_manifest_twice_is_still_refused(desk: Desk) -> None:
    desk.bind(DATASET)
    assert "declared twice" in shown(desk.bind(DATASET, DATASET))


def test_other_targets_are_another_judgement(desk: Desk) -> None:
    desk.targets = ["local", "prod"]
    only = manifest("Dataset", "people", "{primaryKey: id, columns: {id: string}}", "targets: [prod, local]")
    assert not desk.bind(only).failed
    desk.targets = ["local"]
    assert "there is no target `prod`" in shown(desk.bind(only))


def test_what_is_remembered_reads_back(tmp_path: Path) -> None:
    one, two, three = (bytes([n]) * 32 for n in range(3))
    Approved(tmp_path, "a").store([], [one, two])
    known = Approved(tmp_path, "a")
    assert one in known
    assert two in known
    assert three not in known
    assert len(Approved(tmp_path, "b")) == 0
    assert (tmp_path / "approved").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: data[:-32], lambda data: b"x" + data, bytes])
def test_a_damaged_store_is_written_anew(tmp_path: Path, damage: Any) -> None:
    one = b"1" * 32
    Approved(tmp_path, "a").store([], [one])
    path = tmp_path / "approved"
    path.write_bytes(damage(path.read_bytes()) if damage is not bytes else b"")
    known = Approved(tmp_path, "a")
    assert len(known) == 0
    known.store([], [one])
    assert one in Approved(tmp_path, "a")


def test_a_store_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    known = Approved(tmp_path / "cache", "a")
    known.store([], [b"1" * 32])
    assert b"1" * 32 in known


def test_too_many_are_forgotten_but_for_the_latest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SPARE", 2)
    old, used, new = ([bytes([place, n]) * 16 for n in range(3)] for place in range(3))
    Approved(tmp_path, "a").store([], [*old, *used])
    Approved(tmp_path, "a").store(used, new[:1])
    assert all(item in Approved(tmp_path, "a") for item in (*old, *used, new[0]))
    Approved(tmp_path, "a").store(used[:1], new[1:2])
    known = Approved(tmp_path, "a")
    assert [item in known for item in (*old, *used, *new)] == [False] * 3 + [True, False, False] + [False, True, False]
