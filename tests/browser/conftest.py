"""A real Chromium, and reports opened in it from a file, as a reviewer opens them.

Whatever the page asks the network for, says on its console or pops up is kept, and held against nothing at the end of a test.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for a module's tests, and no longer: Playwright's event loop lasts as long, and others need the thread."""
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        pytest.fail("the tests of HTML reports need Chromium on the PATH (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield found
        found.close()


@pytest.fixture
def show(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Opens a report's text as a page; ``options`` are those of a browser context."""
    said: list[str] = []
    contexts = []

    def watch(page: Page, file: str) -> None:
        def route(call: Route) -> None:
            if call.request.url.partition("#")[0] != file:
                said.append(f"request {call.request.url}")
                call.abort()
                return
            call.continue_()

        page.route("**/*", route)
        page.on("console", lambda message: said.append(f"console {message.text}"))
        page.on("pageerror", lambda error: said.append(f"error {error}"))
        page.on("popup", lambda _: said.append("popup"))
        page.on("dialog", lambda dialog: (said.append(f"dialog {dialog.message}"), dialog.dismiss()))

    def opened(text: str, *, anchor: str = "", **options: Any) -> Page:
        file = tmp_path / f"report-{len(contexts)}.html"
        file.write_text(text, encoding="utf-8")
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        context.set_default_timeout(120_000)
        page = context.new_page()
        watch(page, file.as_uri())
        page.goto(file.as_uri() + anchor)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert said == []
