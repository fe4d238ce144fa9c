"""The page of a difference in a real browser: it can be filtered and read by everybody, and hostile text stays text."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe

from reconciler.render.difference_html import render_difference_html
from tests.support.differences import difference
from tests.support.render_plans import NASTY

MAIN = "[data-main] > .entry"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("text", ["plain", NASTY])
def test_everybody_can_read_it(show, text, scheme):
    for width in (1280, 360):
        page = show(
            render_difference_html(difference(text)), color_scheme=scheme, viewport={"width": width, "height": 900}
        )
        page.get_by_role("button", name="Unfold all").click()
        results = Axe().run(page)
        assert results.violations_count == 0, results.generate_report()


def test_filter_and_links(show):
    page = show(render_difference_html(difference()))
    assert page.locator(f"{MAIN}:visible").count() == 4
    page.get_by_role("group", name="Filter by action").get_by_role("button", name="moved 1", exact=True).click()
    assert page.locator(f"{MAIN}:visible").count() == 1
    page.locator("#breaking").get_by_role("link", name="Dataset/orders").click()
    assert page.url.endswith("#c2")
