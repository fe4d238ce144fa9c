"""The builder of HTML, the page around every report, and what a plan's page says."""

import pytest

from reconciler.core.diagnostic import Mark
from reconciler.core.plan import Header
from reconciler.core.plandigest import change_digest
from reconciler.render.drift_html import render_drift_html
from reconciler.render.html import NOTHING, Html, el, join, lines
from reconciler.render.html_page import asset
from reconciler.render.plan_html import render_plan_html
from tests.support.html_pages import read_page
from tests.support.render_plans import NASTY, plan_of, widget, worlds


def test_what_is_text_is_escaped_wherever_it_stands():
    found = el("p", "<b>", el("i", "a & b"), 3, None, ["x", Html("<br>")], title="\"'>", hidden=True, id=None)
    assert found.text == '<p title="&quot;&#x27;&gt;" hidden>&lt;b&gt;<i>a &amp; b</i>3x<br></p>'


def test_names_of_attributes_that_python_does_not_take():
    assert el("label", class_="a", for_="b", data_key="c", aria_label="d").text == (
        '<label class="a" for="b" data-key="c" aria-label="d"></label>'
    )


def test_void_elements_stand_alone():
    assert el("meta", name="a").text == '<meta name="a">'


def test_control_characters_are_shown():
    assert join("\x1b\u202e\n").text == "\\u001b\\u202e\\n"
    assert lines(["<a>", "\x00"]).text == "&lt;a&gt;\n\\u0000"


def test_nothing_is_false():
    assert not NOTHING
    assert Html("x")


@pytest.mark.parametrize("name", ["page.css", "page.js"])
def test_assets_stay_inside_their_element(name):
    text = asset(name)
    assert "</" not in text
    assert "url(" not in text
    assert "http" not in text


@pytest.mark.parametrize("name", worlds())
def test_every_plan_is_a_page(name):
    plan = worlds()[name]
    page = read_page(render_plan_html(plan))
    changes = [change for change in plan.changes if change.action != "none"]
    assert [entry.key for entry in page.of("changes")] == [str(change.key) for change in changes]
    assert page.metas["reconciler-change-digest"] == change_digest(plan)
    assert page.tiles["drifted"] == len(plan.drifted)
    assert page.tiles["unchanged"] == plan.unchanged
    assert page.codes == [problem.code for problem in plan.problems]
    assert "canary" not in "".join(page.words)


@pytest.mark.parametrize("name", worlds())
def test_so_is_every_drift(name):
    plan = worlds()[name]
    page = read_page(render_drift_html(plan, [("Widget", NASTY, NASTY)]))
    found = [entry.key for entry in (*page.of("conflicts"), *page.of("drift"))]
    assert found == [str(change.key) for change in plan.drifted]
    assert page.tiles["unmanaged"] == 1


def test_a_conflict_shows_its_three_values():
    page = read_page(render_drift_html(worlds()["conflict"]))
    (entry,) = page.of("conflicts")
    for value in (
        "https://first.example/v1",
        "https://tenant.example/v2",
        "https://git.example/v3",
        "jane@example.com",
    ):
        assert value in entry.text


def test_secrets_are_words():
    text = "".join(read_page(render_plan_html(worlds()["secrets"])).words)
    assert "(secret, rotated)" in text
    assert "(secret, not checked here)" in text
    assert "********" not in text


def test_without_edges_there_is_no_graph_and_with_them_it_leads_to_the_changes():
    assert "graph" not in read_page(render_plan_html(worlds()["updates"])).sections
    text = render_plan_html(worlds()["creates"])
    assert "graph" in read_page(text).sections
    assert text.count('class="node create"') == 3
    assert text.count('marker-end="url(#arrow)"') == 2


def test_a_thousand_changes_are_all_there_and_the_graph_is_bounded():
    plan = plan_of([widget(f"w{index:04}", after=[f"w{index - 1:04}"] if index % 3 else []) for index in range(1000)])
    page = read_page(render_plan_html(plan))
    assert len(page.of("changes")) == 1000
    assert "880 more changes not drawn." in "".join(page.words)


def test_a_time_that_is_none_is_shown_as_it_is():
    text = render_plan_html(plan_of(header=Header(target="t", created="<soon>", expires="2026-03-02T12:00:00Z")))
    assert "&lt;soon&gt;" in text
    assert "2026-03-02 12:00 UTC" in text


def test_the_same_plan_gives_the_same_bytes():
    for name in worlds():
        assert render_plan_html(worlds()[name]) == render_plan_html(worlds()[name])


def test_a_place_in_the_same_file_is_a_line():
    text = render_plan_html(worlds()["updates"])
    assert '<span class="place">line 5</span>' in text
    assert str(Mark("manifests/cart.yaml", 1, 1)).rpartition(":")[0] in text
