"""What loading makes of one text: values and findings, one file a case in tests/golden/yaml."""

import json

import pytest

from reconciler.loading.yaml import RULES, parse_text
from reconciler.render.diagnostics import render_diagnostics
from tests.support.cases import cases, check

CASES = cases("yaml")
ELSEWHERE = {"M112", "M113"}
"""Files that cannot be read (test_yaml_files), and formatting (test_format)."""


def shown(content):
    documents, diagnostics = parse_text(content, "manifest.yaml")
    values = [f"{item.index}: {json.dumps(item.value, ensure_ascii=False)}\n" for item in documents]
    return "".join(values) + (render_diagnostics(diagnostics) if diagnostics else "")


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path):
    check(path, shown)


def test_every_rule_has_a_case():
    expected = [path.read_text(encoding="utf-8").partition(">>> expected")[2] for path in CASES]
    named = {rule.code for rule in RULES if any(f"[{rule.code}]" in text for text in expected)}
    assert {rule.code for rule in RULES} - named == ELSEWHERE


def test_codes_are_unique_in_order_and_explained():
    codes = [rule.code for rule in RULES]
    assert codes == sorted(set(codes))
    assert all(rule.title and len(rule.explanation) > 60 for rule in RULES)
