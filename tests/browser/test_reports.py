"""HTML reports in a real browser: what a reviewer does with them works, and what a manifest says stays text."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Error, Page, expect

from reconciler.core.diagnostic import Mark
from reconciler.core.report import Report
from reconciler.core.resource import Key
from reconciler.core.written_back import Item, WrittenBack
from reconciler.render.drift_html import render_drift_html
from reconciler.render.plan_html import render_plan_html
from reconciler.render.report_html import render_report_html
from tests.support.render_plans import NASTY, REPORT, worlds
from tests.support.report_plans import large, told

PLAN = told(large(24))
MAIN = "[data-main] > .entry"
_KEY = Key("Dataset", "people")
WRITTEN = WrittenBack(
    (Item(_KEY, None, Mark("a.yaml", 3, 1)),),
    (Item(_KEY, None, Mark("b.yaml", 4, 1), NASTY), Item(_KEY, None, None, "gone")),
)


def rows(page: Page) -> int:
    script = "selector => [...document.querySelectorAll(selector)].filter((entry) => entry.checkVisibility()).length"
    return int(page.evaluate(script, MAIN))


def unfolded(page: Page) -> int:
    return page.locator(f"{MAIN} > details[open]").count()


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.closest('.entry')?.dataset.key ?? document.activeElement.id"))


def colours(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))


def test_filter_by_action_and_kind(show):
    page = show(render_plan_html(PLAN))
    assert rows(page) == 24
    page.get_by_role("group", name="Filter by action").get_by_role("button", name="create").click()
    assert rows(page) == 6
    expect(page.locator("#shown")).to_have_text("6 of 24 shown")
    page.get_by_role("button", name="delete", exact=False).first.click()
    assert rows(page) == 12
    page.get_by_label("Filter by kind").select_option("Dataset")
    wanted = [c for c in PLAN.changes if c.action in ("create", "delete") and c.key.kind == "Dataset"]
    assert rows(page) == len(wanted)
    page.get_by_role("group", name="Filter by action").get_by_role("button", name="create").click()
    assert rows(page) == sum(c.action == "delete" for c in wanted)


def test_a_few_kinds_are_buttons(show):
    page = show(render_plan_html(large(4)))
    page.get_by_role("group", name="Filter by kind").get_by_role("button", name="Dataset").click()
    assert rows(page) == 1


def test_search_finds_names_files_and_values(show):
    page = show(render_plan_html(PLAN))
    search = page.get_by_role("searchbox", name="Search")
    for words, count in (
        ("resource-0003", 2),
        ("api-5.example", 1),
        ("StreamSink.yaml:5", 1),
        ("conflict resource-00", 1),
        ("nothing", 0),
    ):
        search.fill(words)
        visible = page.locator(f"{MAIN}:visible")
        found = [item.get_attribute("data-key") for item in visible.all()]
        assert len(found) == count, (words, found)
    page.keyboard.press("Escape")
    assert rows(page) == 24
    assert search.input_value() == ""


def test_fold_and_unfold(show):
    page = show(render_plan_html(PLAN))
    assert unfolded(page) == 0
    page.locator(f"{MAIN} summary").first.click()
    assert unfolded(page) == 1
    expect(page.get_by_role("table", name="Fields of Connector/resource-0000")).to_be_visible()
    page.get_by_role("button", name="Unfold all").click()
    assert unfolded(page) == 24
    page.get_by_role("button", name="Fold all", exact=True).click()
    assert unfolded(page) == 0


def test_unfold_all_leaves_alone_what_the_filter_hides(show):
    page = show(render_plan_html(PLAN))
    page.get_by_role("searchbox").fill("resource-0004")
    page.get_by_role("button", name="Unfold all").click()
    page.keyboard.press("Escape")
    page.get_by_role("searchbox").fill("")
    assert unfolded(page) == page.locator(f"{MAIN}:has-text('resource-0004') > details[open]").count() == 2


def test_the_keyboard_is_enough(show):
    page = show(render_plan_html(worlds()["creates"]))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("c")
    assert unfolded(page) == 0
    page.keyboard.press("j")
    assert focused(page) == "Widget/store"
    page.keyboard.press("Enter")
    assert unfolded(page) == 1
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert focused(page) == "Widget/stream"
    page.keyboard.press("k")
    assert focused(page) == "Widget/lookup"
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("e")
    assert unfolded(page) == 3
    page.keyboard.press("/")
    assert focused(page) == "search"
    page.keyboard.type("jet")
    assert rows(page) == 0
    page.keyboard.press("Escape")
    assert rows(page) == 3


def test_keys_can_be_switched_off(show):
    page = show(render_plan_html(PLAN))
    page.get_by_text("Keyboard", exact=True).click()
    page.get_by_label("Keys without Ctrl work on this page").uncheck()
    page.keyboard.press("e")
    assert unfolded(page) == 0


def test_every_control_is_reached_by_tab_and_shows_it(show):
    page = show(render_plan_html(PLAN))
    seen = []
    for _ in range(40):
        page.keyboard.press("Tab")
        name, style = page.evaluate(
            "[document.activeElement.textContent || document.activeElement.id, "
            "getComputedStyle(document.activeElement).outlineStyle]"
        )
        seen.append(name)
        assert style == "solid", name
        if "Theme" in name:
            break
    assert "search" in seen
    assert any(name.startswith("create") for name in seen)
    assert "Theme" in seen[-1]


def test_light_and_dark_by_the_system_and_by_the_switch(show):
    light = colours(show(render_plan_html(PLAN), color_scheme="light"))
    page = show(render_plan_html(PLAN), color_scheme="dark")
    dark = colours(page)
    assert light != dark
    button = page.get_by_role("button", name="Theme")
    button.click()
    assert (colours(page), button.inner_text()) == (light, "Theme: light")
    button.click()
    assert colours(page) == dark
    button.click()
    assert (colours(page), button.inner_text()) == (dark, "Theme: system")
    button.click()
    page.reload()
    assert colours(page) == light


def test_the_graph_leads_to_the_change(show):
    page = show(render_plan_html(worlds()["creates"]))
    page.get_by_role("button", name="Fold all", exact=True).click()
    page.locator("a.node", has_text="lookup").click()
    assert focused(page) == "Widget/lookup"
    assert unfolded(page) == 1


def test_an_address_opens_its_change(show):
    page = show(render_plan_html(PLAN), anchor="#c20")
    assert page.locator("#c20 > details").get_attribute("open") is not None
    expect(page.locator("#c20 summary").first).to_be_in_viewport()


def test_without_scripts_it_is_a_plain_page(show):
    page = show(render_plan_html(PLAN), java_script_enabled=False)
    expect(page.get_by_role("heading", name="Changes 24")).to_be_visible()
    assert page.locator(".tools:visible").count() == 0
    page.locator(f"{MAIN} summary").first.click()
    expect(page.get_by_text("https://api-0.example/v1")).to_be_visible()


def test_on_paper_everything_is_unfolded(show):
    page = show(render_plan_html(PLAN), color_scheme="dark")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert unfolded(page) == 24
    assert page.locator(".tools:visible").count() == 0


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_is_wider_than_the_page(show, width):
    for text in (
        render_plan_html(PLAN),
        render_plan_html(worlds()["hostile"]),
        render_plan_html(worlds()["long_values"]),
    ):
        page = show(text, viewport={"width": width, "height": 800})
        page.get_by_role("button", name="Unfold all").click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("render", [render_plan_html, render_drift_html])
def test_what_a_manifest_or_a_tenant_says_is_text(show, render):
    page = show(render(worlds()["hostile"]))
    assert page.locator("script").count() == 1
    assert page.locator("body img, body iframe, body form, body object").count() == 0
    page.get_by_role("button", name="Unfold all").click()
    assert "<script>alert(1)</script>" in page.locator("main").inner_text()


def test_the_policy_stops_a_script_that_got_in_all_the_same(browser, tmp_path):
    """Were the escaping wrong one day, the page would still run nothing."""
    text = render_plan_html(worlds()["updates"])
    spoilt = text.replace("<main", '<img src="data:," onerror="window.broken=1"><script>window.broken=2</script><main')
    file = tmp_path / "spoilt.html"
    file.write_text(spoilt, encoding="utf-8")
    page = browser.new_page()
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(file.as_uri())
    page.evaluate(
        "document.body.append(Object.assign(document.createElement('a'), {href: 'javascript:window.broken=3'}))"
    )
    page.evaluate("document.body.lastChild.click()")
    with pytest.raises(Error, match="TrustedHTML"):
        page.evaluate("document.body.innerHTML = '<img>'")
    assert page.evaluate("window.broken") is None
    assert sum("Content Security Policy" in text for text in said) >= 3
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "text",
    [
        render_plan_html(PLAN),
        render_plan_html(worlds()["hostile"]),
        render_plan_html(worlds()["empty"]),
        render_drift_html(worlds()["conflict"], [("Dataset", NASTY, "id-1")], WRITTEN),
        render_report_html(REPORT),
        render_report_html(Report()),
    ],
    ids=["plan", "hostile", "empty", "drift", "report", "nothing"],
)
def test_axe_finds_nothing(show, text, scheme):
    for width in (1280, 360):
        page = show(text, color_scheme=scheme, viewport={"width": width, "height": 900})
        page.get_by_role("button", name="Unfold all").click()
        for part in page.locator("footer > details > summary").all():
            part.click()
        results = Axe().run(page)
        assert results.violations_count == 0, results.generate_report()


def test_a_thousand_changes_stay_usable(show):
    page = show(render_plan_html(large(1000)))
    assert rows(page) == 1000
    # Numbered list items make hiding many of them take time that grows with the square of their number.
    assert page.evaluate("getComputedStyle(document.querySelector('.entry')).display") == "block"
    search = page.get_by_role("searchbox")
    search.fill("resource-0999")
    assert rows(page) == 1
    search.fill("")
    page.get_by_role("group", name="Filter by action").get_by_role("button", name="delete").click()
    assert rows(page) == 250
    expect(page.locator("#shown")).to_have_text("250 of 1000 shown")
    page.get_by_role("button", name="Unfold all").click()
    assert unfolded(page) == 250
    expect(page.locator(f"{MAIN}:not([hidden])").last.get_by_role("table")).to_be_visible()
