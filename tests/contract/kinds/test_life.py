"""The life of one resource of every kind, told with the real commands over a real port, in every style a tenant may have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from reconciler.kinds import load_kinds
from tests.support.emulator import RunningEmulator, running_emulator
from tests.support.kind_examples import EXAMPLES, Example, made_up_kinds
from tests.support.project import Project, writes

RESOURCE_KINDS = sorted(kind.name for kind in load_kinds().values() if kind.kind_class == "resource")
STYLES = [("etag", "etag"), ("version", "version"), ("none", "compare")]
"""How the emulator guards its writes, and how the client is told that it does."""


@pytest.fixture(scope="module", autouse=True)
def _made_up() -> Iterator[None]:
    with made_up_kinds():
        yield


@pytest.fixture(scope="module", params=STYLES, ids=lambda style: f"{style[0]}-{style[1]}")
def styled(request: pytest.FixtureRequest, _made_up: None) -> Iterator[tuple[RunningEmulator, str]]:
    serves, asks = request.param
    with running_emulator(concurrency=serves) as running:
        yield running, asks


def _live(emulator: RunningEmulator, example: Example, name: str = "example") -> dict[str, Any]:
    items = emulator.control("GET", "state")["resources"][example.kind]
    return next(item for item in items if item["name"] == name)


def _holds(live: Any, part: Any) -> bool:
    """Whether all of ``part`` is in what is live."""
    if isinstance(part, Mapping):
        return all(_holds(live[key], value) for key, value in part.items())
    return bool(live == part)


def test_every_kind_has_an_example() -> None:
    """The suite below runs on each kind of the registry; a new one needs its row."""
    assert {*RESOURCE_KINDS, "Skill"} == set(EXAMPLES)


@pytest.mark.parametrize("kind", sorted(EXAMPLES))
def test_from_create_to_delete(kind: str, styled: tuple[RunningEmulator, str], tmp_path: Path) -> None:
    emulator, style = styled
    emulator.control("POST", "reset")
    example = EXAMPLES[kind]
    project = Project.create(tmp_path, url=emulator.url, target={"api": {"concurrency": {"style": style}}})
    example.write(project)

    project.apply()
    created = _live(emulator, example)
    assert project.entries[f"{kind}/example"]["id"] == created["id"]
    project.converged()
    if example.undeclared:
        emulator.control("POST", "edit", {"kind": kind, "name": "example", "patch": dict(example.undeclared)})
        project.converged()

    example.write(project, **example.changed)
    assert project.run("plan", "--detailed-exitcode").ok(2)
    project.apply()
    updated = _live(emulator, example)
    assert updated["id"] == created["id"]
    assert _holds(updated, example.undeclared)
    project.converged()

    _revert(project, emulator, example, updated)
    _rename_and_delete(project, emulator, example, created["id"])


def _revert(project: Project, emulator: RunningEmulator, example: Example, before: dict[str, Any]) -> None:
    """What somebody changes in the console is drift, with who did it; apply sets exactly that back."""
    body = {"kind": example.kind, "name": "example", "patch": dict(example.edit), "by": "maria@console"}
    emulator.control("POST", "edit", body)
    mark = emulator.requests()[-1]["seq"]
    drift = project.run("drift").ok(2)
    assert example.label in drift.out
    assert example.edited in drift.out
    assert "maria@console" in drift.out
    assert writes(emulator.requests(mark)) == []
    project.apply()
    volatile = {"etag", "lastModifiedTime", "lastModifiedBy"}
    after = _live(emulator, example)
    assert {k: v for k, v in after.items() if k not in volatile} == {
        k: v for k, v in before.items() if k not in volatile
    }
    assert project.run("drift").ok(0).out.startswith("No drift")


def _rename_and_delete(project: Project, emulator: RunningEmulator, example: Example, resource_id: str) -> None:
    example.write(project, **example.changed, name="renamed")
    project.apply()
    assert _live(emulator, example, "renamed")["id"] == resource_id
    project.converged()
    project.clear()
    project.put("other.yaml", "")
    assert project.run("plan").ok(0).out.count("prune is off") == 1 + len(example.needs)
    project.apply("--prune", "--allow", "G005")
    assert sum(emulator.control("GET", "state")["counts"].values()) == 0
    assert project.entries == {}
    project.converged()


@pytest.mark.parametrize("pagination", ["page", "offset", "token"])
def test_listings_of_every_style_are_read_whole(pagination: str, tmp_path: Path) -> None:
    """Twelve resources on pages of five: none is missed, and none is created a second time."""
    with running_emulator(pagination=pagination, page_size=5) as emulator:
        project = Project.create(tmp_path, url=emulator.url, target={"api": {"pagination": {"style": pagination}}})
        example = EXAMPLES["Dataset"]
        project.put("all.yaml", *({**example.manifest(), "metadata": {"name": f"d{i:02}"}} for i in range(12)))
        project.apply()
        assert emulator.control("GET", "state")["counts"]["Dataset"] == 12
        project.converged()
        body = {"kind": "Dataset", "name": "d11", "patch": {"description": "moved"}}
        emulator.control("POST", "edit", body)
        assert "d11" in project.run("drift").ok(2).out
        project.apply()
        project.converged()
