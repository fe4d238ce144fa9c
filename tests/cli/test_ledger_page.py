"""docs/ledger.md: its target works against a bucket, its commands run in their order, its copies make a ledger that holds."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.support.bucket import Bucket, BucketServer
from tests.support.bucket_fixtures import buckets
from tests.support.emulator import RunningEmulator, running_emulator
from tests.support.project import Project
from tests.support.tenant_project import dataset

__all__ = ["buckets"]

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "ledger.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def bucket(buckets: BucketServer) -> Bucket:
    made = buckets.bucket("ops-bucket")
    for key in made.listed():
        made.delete(key)
    return made


@pytest.fixture
def emulator() -> Iterator[RunningEmulator]:
    with running_emulator() as running:
        yield running


def project(root: Path, bucket: Bucket, emulator: RunningEmulator, **target: str) -> Project:
    """A project whose target ``prod`` is the page's, but for the tenant's address."""
    (text,) = blocks("yaml")
    declared = YAML(typ="safe").load(text)["targets"]["prod"] | target
    assert declared["url"].startswith("https://")
    made = Project.create(root, url=emulator.url)
    settings = json.loads((root / "reconciler.yaml").read_text(encoding="utf-8"))
    targets = settings["spec"]["targets"]
    targets["prod"] = {**targets.pop("local"), **declared, "url": emulator.url}
    (root / "reconciler.yaml").write_text(json.dumps(settings), encoding="utf-8")
    made.environ |= bucket.environ
    made.put("people.yaml", dataset("people"))
    return made


def test_its_commands_run_in_their_order(tmp_path: Path, bucket: Bucket, emulator: RunningEmulator) -> None:
    ours = project(tmp_path / "project", bucket, emulator)
    commands = [shlex.split(line) for block in blocks("console") for line in block.splitlines()]
    assert len(commands) == 11
    said = {}
    for words in commands:
        assert words.pop(0) == "reconciler"
        said[" ".join(words)] = ours.run(*words).ok(0).all
    assert "Dataset/people" in said["ledger list -t prod"]
    assert "migration tonight" in said["ledger unlock -t prod"]
    assert "no interrupted apply" in said["apply -t prod --resume --lock-timeout 120"]
    assert {key.partition("/")[0] for key in bucket.listed()} == {"ledger.json", "lock", "log"}


def test_a_ledger_is_moved_from_a_folder_as_it_says(tmp_path: Path, bucket: Bucket, emulator: RunningEmulator) -> None:
    before = project(tmp_path / "before", bucket, emulator, ledger="file:.reconciler/prod/")
    before.run("apply", "-t", "prod", "--yes").ok()
    (copies,) = blocks("sh")
    for line in copies.splitlines():
        *copy, source, to = line.split()
        assert copy == ["aws", "s3", "cp"]
        bucket.put(to.removeprefix(f"s3://{bucket.name}/{bucket.prefix}/"), (before.root / source).read_bytes())
    after = project(tmp_path / "after", bucket, emulator)
    after.run("ledger", "verify", "-t", "prod").ok()
    after.run("plan", "-t", "prod", "--detailed-exitcode").ok()
    after.put("more.yaml", dataset("more"))
    after.run("apply", "-t", "prod", "--yes").ok()
    after.run("audit", "-t", "prod", "--verify").ok()


def test_its_policy_is_json_and_names_what_the_errors_name() -> None:
    from reconciler.engine.state.object_faults import RIGHTS

    (text,) = blocks("json")
    actions = {
        action
        for statement in json.loads(text)["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }
    assert actions == set(re.findall(r"s3:\w+", RIGHTS))
