"""Wrong manifests and what is said about them: one file a case in tests/golden/manifests.

A case is a few files, each behind a line ``>>> name``, and the expected findings behind ``>>> expected``. With
``UPDATE_GOLDEN=1`` in the environment the expectation is written anew, to be reviewed like code.
"""

import os
import re
from pathlib import Path

import pytest

from reconciler.loading.rules import RULES
from tests.support.binding import bind_files, shown

CASES = sorted((Path(__file__).parents[2] / "golden" / "manifests").glob("*.case"))


def read_case(path):
    parts = re.split(r"^>>> (.+)\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return parts[0], dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_findings(path, tmp_path):
    about, files = read_case(path)
    assert about.startswith("# "), "a case says what it shows"
    expected = files.pop("expected", "")
    found = shown(bind_files(tmp_path, files, environ={"SET": "from the environment"}))
    if os.environ.get("UPDATE_GOLDEN"):
        written = "".join(f">>> {name}\n{text}" for name, text in files.items())
        path.write_text(f"{about}{written}>>> expected\n{found}", encoding="utf-8")
        expected = found
    assert found == expected
    assert "canary" not in found


def test_every_rule_has_a_case():
    text = "".join(path.read_text(encoding="utf-8").partition(">>> expected")[2] for path in CASES)
    named = {rule.code for rule in RULES if f" {rule.code} " in text}
    elsewhere = {"M509", "M602", "M603", "M604"}  # providers and links: test_variables, test_bundle
    assert {rule.code for rule in RULES} - named == elsewhere


def test_codes_are_unique_and_in_order():
    codes = [rule.code for rule in RULES]
    assert codes == sorted(set(codes))
    assert all(rule.title and rule.explanation for rule in RULES)
