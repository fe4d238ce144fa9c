"""A tenant on a port is exported, planned on, built anew elsewhere and exported again: nothing is lost on the way round."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.kinds import load_kinds
from tests.support.emulator import RunningEmulator, running_emulator
from tests.support.kind_examples import EXAMPLES, made_up_kinds
from tests.support.project import Project, writes

RESOURCE_KINDS = sorted(kind.name for kind in load_kinds().values() if kind.kind_class == "resource")
_PURPOSES = ("enrich-caller", "route-by-tier", "find-order", "score-sentiment")
_VALUE = "the-same-for-all"


@pytest.fixture(scope="module")
def tenants() -> Iterator[tuple[RunningEmulator, RunningEmulator]]:
    with made_up_kinds(), running_emulator() as one, running_emulator() as other:
        yield one, other


def _seeded_code(project: Project, emulator: RunningEmulator) -> None:
    """The sources of the seeded actions, which their team has and the API never gives back."""
    for item in emulator.control("GET", "state")["resources"]["DataAction"]:
        purpose = next(word for word in _PURPOSES if item["name"].startswith(word))
        source = (
            f"// {purpose} {int(item['name'].rpartition('-')[2])}\n"
            "module.exports = async (context, inputs) => {\n"
            "  context.logger.info('looked up', {externalId: inputs.externalId});\n"
            "  return {tier: 'standard', found: true};\n"
            "};\n"
        )
        project.write(f"actions/{item['name']}/index.js", source)


def _texts(project: Project) -> dict[str, bytes]:
    root = project.root / "manifests"
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def _secrets(project: Project, *arguments: str) -> dict[str, str]:
    found = project.run("export", "--dry-run", "--format", "json", *arguments).ok().json
    return {item["variable"]: _VALUE for item in found["secrets"]}


def _copy(source: Project, target: Project) -> None:
    for file, text in _texts(source).items():
        target.write(f"manifests/{file}", text.decode())


def test_a_thousand_resources(tenants: tuple[RunningEmulator, RunningEmulator], tmp_path: Path) -> None:
    old, new = tenants
    old.control("POST", "reset")
    new.control("POST", "reset")
    old.control("POST", "seed", {"seed": 7, "resources": 1000, "kinds": {"Skill": 0}})
    first = Project.create(tmp_path / "first", url=old.url)
    _seeded_code(first, old)
    first.environ |= _secrets(first, "--code", "actions")
    begin = len(old.requests())
    made = first.run("export", "--code", "actions", "--format", "json").ok().json
    shared = made["manifests"].pop("FieldMapping")
    assert shared > 0
    assert sum(made["manifests"].values()) == 1000
    assert (made["leftOut"], made["code"], made["adopted"]) == ([], [], True)
    plan = first.plan("--detailed-exitcode")
    assert (plan["changes"], plan["problems"], plan["unchanged"]) == ([], [], 1000)
    assert writes(old.requests()[begin:]) == []
    assert first.run("fmt", "--check", "manifests").ok()

    second = Project.create(tmp_path / "second", url=new.url)
    second.environ |= first.environ
    _seeded_code(second, old)
    _copy(first, second)
    second.apply("--parallelism", "50")
    third = Project.create(tmp_path / "third", url=new.url)
    third.environ |= first.environ
    _seeded_code(third, old)
    third.run("export", "--code", "actions").ok()
    assert _texts(third) == _texts(first)
    assert len(_texts(first)) == 1000 + shared + 1


@pytest.mark.parametrize("kind", sorted(EXAMPLES))
@pytest.mark.parametrize("split", ["resource", "kind"])
def test_every_kind(kind: str, split: str, tenants: tuple[RunningEmulator, RunningEmulator], tmp_path: Path) -> None:
    old, new = tenants
    old.control("POST", "reset")
    new.control("POST", "reset")
    example = EXAMPLES[kind]
    made = Project.create(tmp_path / "made", url=old.url)
    example.write(made)
    made.apply()
    if example.undeclared:
        body = {"kind": kind, "name": "example", "patch": dict(example.undeclared), "by": "maria@console"}
        old.control("POST", "edit", body)
    options = ("--code", "code", "--split", split)
    first = Project.create(tmp_path / "first", url=old.url)
    first.write("code/index.js", (made.root / "code/index.js").read_text(encoding="utf-8"))
    first.environ |= _secrets(first, *options)
    first.run("export", *options).ok()
    first.converged()

    second = Project.create(tmp_path / "second", url=new.url)
    second.environ |= first.environ
    second.write("code/index.js", (made.root / "code/index.js").read_text(encoding="utf-8"))
    _copy(first, second)
    second.apply()
    third = Project.create(tmp_path / "third", url=new.url)
    third.environ |= first.environ
    third.write("code/index.js", (made.root / "code/index.js").read_text(encoding="utf-8"))
    third.run("export", *options).ok()
    assert _texts(third) == _texts(first)


def test_every_resource_kind_is_exported() -> None:
    assert set(RESOURCE_KINDS) <= set(EXAMPLES)
