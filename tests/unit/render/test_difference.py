"""A difference in every form: they say the same, none of them shows a secret, and no manifest breaks out of any."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema_rs
import pytest

from reconciler.core.difference import Difference, Side, difference_to_json
from reconciler.core.resource import Key
from reconciler.render.difference_html import render_difference_html
from reconciler.render.difference_markdown import render_difference_markdown
from reconciler.render.difference_text import render_difference_text
from tests.support.differences import difference

SCHEMA = json.loads((Path(__file__).parents[3] / "schemas" / "diff.json").read_bytes())
NASTY = "</details><script>alert(1)</script>\n```\n| <!-- --> \x1b[31m\u202e@team #1 ${x}"
TEXT = """\
1 added, 1 changed, 1 removed, 1 moved, 1 breaking, 1 setting of the project, 1 not compared (9 unchanged)
from plain at abababababab to work tree, target prod
Narrowed to --only plain

Breaking (1): records that are there would not fit any more
  ! Dataset/orders

Differences (4)
  + added Connector/crm  named The CRM, plain.yaml:3
    + authentication: {credentials: {apiKey: "${secret:env:KEY}"}, plain: plain}
    + name: The CRM
  ~ changed DataAction/enrich
    ~ code: sha256:111111111111 → sha256:222222222222
      + plain (added)
      ~ a (changed)
      - b (removed)
    ~ environment.CRM: "${ref:Connector/old.id}" → "${ref:Connector/crm.id}"
    ~ environment.KEY: "${secret:env:ONE}" → "${secret:vault:a/b#c}"
    ~ tests: [{name: plain}] → []
    touches: EventStream/s00, EventStream/s01, EventStream/s02, EventStream/s03, EventStream/s04, EventStream/s05, \
EventStream/s06, EventStream/s07, EventStream/s08, EventStream/s09, EventStream/s10, EventStream/s11, EventStream/s12, \
EventStream/s13, EventStream/s14, EventStream/s15, EventStream/s16, EventStream/s17, EventStream/s18, EventStream/s19, \
and 5 more at least
  ± moved Dataset/orders  from Dataset/sales
    - columns.amount: {type: number}
    ! breaking: plain: column is dropped
    compatible: new: nullable
    touches: Connector/crm
  - removed Ingestion/load
    - batchSize: 500

Project file (1)
    ~ targets.prod.url: https://a.example → plain

Not compared (1): the warnings say why
  · Dataset/plain

Warnings (1)
  ! plain is not valid
"""


def test_text() -> None:
    assert render_difference_text(difference()) == TEXT
    assert "EventStream/s24" in render_difference_text(difference(), full=True)


def test_a_narrow_terminal_and_colour() -> None:
    narrow = render_difference_text(difference(), width=50)
    titles = [line for line in narrow.splitlines() if "touches" not in line]
    assert max(map(len, titles)) <= 60
    assert "\x1b[" in render_difference_text(difference(), color=True)
    assert "\x1b[" not in render_difference_text(difference(NASTY))


def test_no_difference_says_so() -> None:
    nothing = Difference(Side("a"), Side("b"), unchanged=3)
    assert render_difference_text(nothing).startswith("No difference. 0 added, 0 changed, 0 removed (3 unchanged)\n")
    assert "none" in render_difference_markdown(nothing)
    assert "No difference" in render_difference_html(nothing)


@pytest.mark.parametrize("text", ["plain", NASTY])
def test_json_is_as_its_schema_says(text: str) -> None:
    data = difference_to_json(difference(text))
    jsonschema_rs.validator_for(SCHEMA).validate(json.loads(json.dumps(data)))


def test_markdown_keeps_hostile_text_in() -> None:
    """What stands in a fence stays in it, and nothing outside of fences acts."""
    plain, nasty = (
        re.sub(r"^(`{3,})\w*\n.*?^\1$", "FENCE", text, flags=re.MULTILINE | re.DOTALL)
        for text in (render_difference_markdown(difference()), render_difference_markdown(difference(NASTY)))
    )
    assert plain.count("FENCE") == 5
    for word in ("FENCE", "<details>", "</details>", "<script>", "<!--", "\n### ", "`", "@team", " #1"):
        assert nasty.count(word) == plain.count(word), word
    assert "\x1b" not in render_difference_markdown(difference(NASTY))


def test_html_keeps_hostile_text_in() -> None:
    plain, nasty = render_difference_html(difference()), render_difference_html(difference(NASTY))
    for word in ("<script>", "<details", "</details>", "<!--", "<a ", "<li"):
        assert nasty.count(word) == plain.count(word)
    assert "\u202e" not in nasty
    assert 'href="#c0"' in plain


@pytest.mark.parametrize("limit", [2_000, 5_000, 65_000])
def test_markdown_stays_within_its_limit(limit: int) -> None:
    found = difference("x" * 3000)
    many = Difference(
        found.before,
        found.after,
        "prod",
        found.items * 50,
        warnings=found.warnings * 50,
        left_out=(Key("A", "b"),) * 90,
    )
    text = render_difference_markdown(many, limit=limit)
    assert len(text) < max(limit, 8_000)
    assert text.startswith("<!-- reconciler-diff -->")
