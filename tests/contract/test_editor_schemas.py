"""Schemas as editors use them: a validator of somebody else's takes the samples, and refuses each wrong manifest of a folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from reconciler.kinds import load_kinds
from tests.support.yaml_plain import load_yaml

ROOT = Path(__file__).parents[2]
WRONG = ROOT / "tests" / "golden" / "wrong"
TOOL = str(Path(sys.executable).parent / "check-jsonschema")


def documents(path: Path) -> list[dict[str, object]]:
    return [item for item in YAML(typ="safe", pure=True).load_all(path.read_text(encoding="utf-8")) if item]


def samples() -> dict[str, list[Path]]:
    """Files of the sample project by the kinds of their documents."""
    found: dict[str, list[Path]] = {}
    for path in sorted((ROOT / "manifests").rglob("*.yaml")):
        if path.parent.name == "targets":
            continue  # patches, which are parts of manifests
        for item in documents(path):
            found.setdefault(str(item["kind"]), []).append(path)
    return found


def test_every_kind_has_a_sample() -> None:
    assert {*load_kinds(), "Project"} == samples().keys()


@pytest.mark.parametrize("kind", sorted(samples()))
def test_samples(kind: str, tmp_path: Path) -> None:
    files = []
    for number, path in enumerate(samples()[kind]):
        for index, item in enumerate(documents(path)):
            if item["kind"] == kind:
                files.append(tmp_path / f"{number}-{index}.yaml")
                with files[-1].open("w", encoding="utf-8") as stream:
                    YAML(typ="safe", pure=True).dump(item, stream)
    command = [TOOL, "--schemafile", str(ROOT / "schemas" / f"{kind}.json"), *map(str, files)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout


@pytest.mark.parametrize("name", sorted(path.name for path in WRONG.glob("*.yaml")))
def test_wrong_ones(name: str) -> None:
    path = WRONG / name
    kind, said = load_yaml(path.read_text(encoding="utf-8"))["kind"], path.read_text(encoding="utf-8").split("\n", 1)[0]
    command = [TOOL, "--schemafile", str(ROOT / "schemas" / f"{kind}.json"), str(path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 1, ran.stdout
    assert said.removeprefix("# ") in ran.stdout
