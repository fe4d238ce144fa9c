"""The three-way table, case by case: every file below ``golden/compare`` is one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.codec import decode_tree
from reconciler.core.compare import compare
from tests.support.kinds import WIDGET

CASES = sorted((Path(__file__).parents[2] / "golden" / "compare").glob("*.json"))


def read(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return data


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path: Path) -> None:
    data = read(path)
    found = compare(
        WIDGET,
        decode_tree(data["base"]),
        decode_tree(data["desired"]),
        decode_tree(data["live"]),
        fingerprint=lambda secret: secret.fingerprint,
        ignore=data.get("ignore", ()),
        force_secrets=data.get("force", False),
        keep_secrets=data.get("keep", False),
    )
    expected = data["expect"]
    assert [[item.label, item.status, item.secret] for item in found.changes] == expected["changes"], data["says"]
    assert found.patch == decode_tree(expected["patch"]), data["says"]
    assert [".".join(path) for path in found.unchecked] == expected["unchecked"], data["says"]
    assert found.stale_base is expected["stale"], data["says"]


def test_every_status_and_state_of_secrets_has_a_case() -> None:
    seen = [change for path in CASES for change in read(path)["expect"]["changes"]]
    assert {status for _, status, _ in seen} == {"ours", "theirs", "both", "unset", "released"}
    assert {state for _, _, state in seen} == {"", "new", "rotated", "missing", "forced"}
    assert any(read(path)["expect"]["unchecked"] for path in CASES)
