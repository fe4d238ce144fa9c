import re

import pytest
from markdown_it import MarkdownIt

from reconciler.core.plan import Header
from reconciler.core.plandigest import change_digest
from reconciler.core.planfile import plan_to_json
from reconciler.render.change_graph import NODES_SHOWN, change_graph
from reconciler.render.escape import comment_text, markdown_code
from reconciler.render.markdown import LIMIT
from reconciler.render.plan_markdown import render_plan_markdown
from tests.support.render_plans import NASTY, applied, live, plan_of, widget, worlds


def many(count, **fields):
    return plan_of([widget(f"w{index:04}", **fields) for index in range(count)])


def fences(text):
    return [token for token in MarkdownIt("gfm-like", {"linkify": False}).parse(text) if token.type == "fence"]


@pytest.mark.parametrize("name", worlds())
def test_the_page_is_stamped(name):
    plan = worlds()[name]
    text = render_plan_markdown(plan, marker="mine", commit="feed")
    data = plan_to_json(plan)
    assert text.startswith("<!-- mine -->\n<!-- target=")
    for part in (
        data["planDigest"],
        change_digest(plan),
        "commit=feed",
        f"reconciler apply --expect {change_digest(plan)}",
    ):
        assert part in text


def test_the_header_s_commit_stands_in_for_none():
    assert "commit=0123456789abcdef" in render_plan_markdown(worlds()["creates"])


def test_the_table_counts_by_kind():
    assert "| <code>Widget</code> | 1 | 1 |  |  |  | 2 |" in render_plan_markdown(worlds()["drift"])


def test_each_change_is_folded_with_its_differences():
    found = [token for token in fences(render_plan_markdown(worlds()["updates"])) if token.info == "diff"]
    assert [token.content.splitlines()[0] for token in found] == ["- code: sha256:111111111111"]
    assert "- parts[wheel].count: 4\n+ parts[wheel].count: 6\n" in found[0].content


def test_a_conflict_is_open_and_shows_three_values():
    text = render_plan_markdown(worlds()["conflict"])
    assert "1 of them in conflict with git" in text
    assert text.count("<details open>") == 1
    drift = fences(text)[0].content
    assert "! endpoint (conflict)\n    applied  https://first.example/v1\n-   tenant " in drift


def test_the_graph_draws_what_waits_for_what():
    lines, left_out = change_graph(worlds()["creates"])
    assert left_out == 0
    assert lines[1] == '  n0["#43; Widget/store"]:::create'
    assert "  n0 --> n1" in lines
    assert "  n1 --> n2" in lines


def test_the_graph_is_bounded():
    lines, left_out = change_graph(many(500))
    assert left_out == 500 - NODES_SHOWN
    assert len(lines) <= NODES_SHOWN + 10
    assert "440 more changes are not drawn" in render_plan_markdown(many(500))


@pytest.mark.parametrize("count", [10, 200, 1200])
def test_the_page_stays_postable_and_counts_the_rest(count):
    plan = many(count, text="word " * 30, note="`" * 40, parts=[{"name": f"p{index}", "n": 1} for index in range(20)])
    text = render_plan_markdown(plan)
    assert len(text) < LIMIT
    shown = text.count("<summary>+ create")
    left = re.search(r"\*\*(\d+) more changes\*\* do not fit", text)
    assert shown + (int(left[1]) if left else 0) == count
    assert (left is None) == (count == 10)
    assert change_digest(plan) in text


def test_problems_drift_and_orphans_leave_room_for_each_other():
    names = [f"w{index:04}" for index in range(900)]
    plan = plan_of(
        [widget(name, size=1) for name in names[:600]],
        [live(name, size=2, label=NASTY) for name in names],
        [applied(name, size=1) for name in names[300:]],
    )
    text = render_plan_markdown(plan)
    assert len(text) < LIMIT
    for head, more in (("Refused (300)", "problems"), ("Drift (300)", "drifted resources"), ("Orphans", "orphans")):
        assert head in text
        assert f"more {more}** do not fit" in text


def test_one_huge_change_does_not_push_the_others_out():
    huge = {f"key{index:04}": {"type": "string", "note": "x" * 100} for index in range(2000)}
    plan = plan_of([widget("a", **huge), widget("b", size=1)])
    text = render_plan_markdown(plan)
    assert len(text) < LIMIT
    assert "more lines" in text
    assert "<summary>+ create <code>Widget/b</code>" in text


def test_nothing_closes_a_fence_or_becomes_markup():
    text = render_plan_markdown(worlds()["hostile"])
    assert {token.info for token in fences(text)} == {"diff", "mermaid"}
    outside = re.sub(r"(?ms)^(`{3,})\w*\n.*?^\1$", "", text)
    for poison in ("<script", "@octocat", "](", "```"):
        assert poison in text or poison == "@octocat"
        assert poison not in outside


def test_a_header_cannot_end_its_comment():
    plan = plan_of(header=Header(target="--> <script>alert(1)</script>", commit="a-->b--"))
    text = render_plan_markdown(plan, marker="x --> <b>")
    assert "<script" not in text
    assert "<b>" not in text
    assert text.count("-->") == 2


@pytest.mark.parametrize("text", ["--", "-", ">", "<!--", "--!>", "a--", "->"])
def test_comment_text_is_never_an_end(text):
    assert re.search(r"[<>]|--|-$", comment_text(text)) is None


def test_inline_code_survives_a_table_and_shows_the_text():
    found = markdown_code("a|b`c\\d_e *f* www.x.example ~g~")
    row = MarkdownIt("gfm-like", {"linkify": False}).render(f"| h |\n| - |\n| {found} |\n")
    assert "<td><code>a|b`c\\d_e *f* www.x.example ~g~</code></td>" in row
