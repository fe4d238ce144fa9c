"""The whole way of a change, by the shell steps of the generated workflows: branch, comment, merge, apply, drift, branch again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bucket import Bucket
from tests.support.bucket_fixtures import bucket, buckets
from tests.support.emulator import RunningEmulator, emulator_process
from tests.support.forge import Forge, git
from tests.support.project import CLIENT_SECRET, run

__all__ = ["bucket", "buckets"]

READER_SECRET = "reader-secret"


@pytest.fixture
def emulator() -> Iterator[RunningEmulator]:
    reader = f"reader:{READER_SECRET}:crm:connectors:read,data:actions:read,data:read,data-actions:read"
    with emulator_process(clients=[f"local:{CLIENT_SECRET}", reader]) as running:
        yield running


@pytest.fixture
def forge(tmp_path: Path, emulator: RunningEmulator, bucket: Bucket) -> Forge:
    """A repository with a project in a folder of its own, whose main branch is applied."""
    writing = {"CXONE_CLIENT_ID": "local", "CXONE_CLIENT_SECRET": CLIENT_SECRET}
    reading = {"CXONE_CLIENT_ID": "reader", "CXONE_CLIENT_SECRET": READER_SECRET}
    secrets = {"cxone-prod": writing, "cxone-prod-plan": reading}
    return Forge(tmp_path / "forge", secrets, bucket.environ)


@pytest.fixture
def clone(tmp_path: Path, forge: Forge, emulator: RunningEmulator, bucket: Bucket) -> Path:
    """A developer's clone, with the project and its pipeline on main."""
    folder = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(forge.remote), str(folder))
    project = folder / "centre"
    run("init", str(project), "--ci", "github", "--ledger", bucket.url, "--no-input").ok()
    settings = (project / "reconciler.yaml").read_text(encoding="utf-8")
    settings = settings.replace("https://api-us-2.cxone.com", emulator.url)
    (project / "reconciler.yaml").write_text(settings, encoding="utf-8")
    commit(folder, "Start")
    git(folder, "push", "--quiet", "origin", "HEAD:main")
    return folder


def commit(folder: Path, message: str) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)


def branch(clone: Path, name: str, old: str, new: str) -> None:
    """Push a branch off main with one edit of the dataset's manifest."""
    git(clone, "fetch", "--quiet", "origin")
    git(clone, "checkout", "--quiet", "-B", name, "origin/main")
    path = clone / "centre/manifests/callers.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    commit(clone, name)
    git(clone, "push", "--quiet", "--force", "origin", name)


def dataset(emulator: RunningEmulator) -> dict[str, str]:
    with emulator.client() as api:
        return dict(api.get("/api/v2/data-actions/datasets").json()["items"][0])


def test_the_way_of_a_change(forge: Forge, clone: Path, emulator: RunningEmulator) -> None:
    # The first apply has no reviewed plan: it asks for a review, and is started by hand with that plan's digest.
    first = forge.pushed()
    assert first.code == 5, first.log
    assert "reconciler-apply.yml --field digest=" in forge.issues()[0]["body"]
    digest = re.findall(r"digest=([0-9a-f]+)", forge.issues()[0]["body"])[0]
    assert forge.pushed(digest=digest).code == 0
    assert dataset(emulator)["description"] == "Who calls, by phone number"

    # A branch, its plan as one comment that later pushes keep up to date, the merge, the apply of just that plan.
    branch(clone, "wording", "Who calls, by phone number", "Who calls")
    number = forge.open_pull("wording")
    reviewed = forge.review(number)
    assert {name: job.code for name, job in reviewed.items()} == {"check": 0, "plan": 0}, reviewed["plan"].log
    branch(clone, "wording", "Who calls, by phone number", "Who is calling")
    assert forge.review(number)["plan"].code == 0
    (comment,) = forge.comments(number)
    assert "Who is calling" in comment
    assert forge.pushed(forge.merge(number)).code == 0
    assert dataset(emulator)["description"] == "Who is calling"

    # Somebody edits the tenant: the night's run opens one issue and offers a branch; merged, it leaves nothing to do.
    edit = {"kind": "Dataset", "name": "Callers", "patch": {"description": "By hand"}, "by": "maria@console"}
    emulator.control("POST", "edit", edit)
    forge.variables["RECONCILER_WRITE_BACK"] = "true"
    for _ in range(2):
        night = forge.nightly()
        assert night.outputs["drift"]["code"] == "2", night.log
        assert night.code == 0, night.log
    assert [item["title"] for item in forge.issues() if item["labels"]] == ["Drift on prod"]
    offered = forge.load()["pulls"][-1]
    assert offered["title"] == "Declare what is live on prod"
    taken = forge.review(offered["number"])
    assert taken["plan"].code == 0, taken["plan"].log
    assert forge.pushed(forge.merge(offered["number"])).code == 0
    assert dataset(emulator)["description"] == "By hand"
    assert forge.nightly().outputs["drift"]["code"] == "0"
    assert [item for item in forge.issues() if item["labels"]] == []


def test_the_comment_is_one_that_only_the_pipeline_can_edit(forge: Forge, clone: Path) -> None:
    branch(clone, "wording", "Who calls, by phone number", "Who calls")
    number = forge.open_pull("wording")
    first_line = "<!-- reconciler-plan centre/prod -->"
    decoy = f"{first_line}\nNothing changes."
    forge.comment(number, decoy)
    for _ in range(2):
        assert forge.review(number)["plan"].code == 0
    first, comment = forge.comments(number)
    assert first == decoy
    assert comment.startswith(first_line)


def test_a_tenant_that_moved_since_the_review(forge: Forge, clone: Path, emulator: RunningEmulator) -> None:
    forge.pushed()
    digest = re.findall(r"digest=([0-9a-f]+)", forge.issues()[0]["body"])[0]
    assert forge.pushed(digest=digest).code == 0
    branch(clone, "wording", "Who calls, by phone number", "Who calls")
    number = forge.open_pull("wording")
    assert forge.review(number)["plan"].code == 0
    emulator.control("POST", "edit", {"kind": "Dataset", "name": "Callers", "patch": {"description": "By hand"}})
    merged = forge.pushed(forge.merge(number))
    assert merged.code == 5, merged.log
    assert dataset(emulator)["description"] == "By hand"
    assert "By hand" in forge.issues()[-1]["body"]


def test_a_fork_gets_no_plan_and_needs_no_credentials(forge: Forge, clone: Path, emulator: RunningEmulator) -> None:
    branch(clone, "theirs", "Who calls, by phone number", "Who calls")
    asked = len(emulator.requests())
    jobs = forge.review(forge.open_pull("theirs", fork=True))
    assert jobs["check"].code == 0, jobs["check"].log
    assert jobs["plan"].skipped
    assert len(emulator.requests()) == asked
    assert "Who calls" in (forge.root / "summary").read_text(encoding="utf-8")


def test_a_broken_manifest_stops_before_the_plan(forge: Forge, clone: Path) -> None:
    branch(clone, "broken", "primaryKey: phone", "primaryKey: phones")
    jobs = forge.review(forge.open_pull("broken"))
    assert jobs["check"].code == 78
    assert "::error" in jobs["check"].log
    assert jobs["plan"].skipped
