"""Selectors: how they are read, and what lies in which folder."""

from __future__ import annotations

import pytest

from reconciler.core.resource import Desired, Key
from reconciler.core.selection import Selector, narrowing_words, select


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("@a", Selector("@a", file="a")),
        ("@./a/b.yaml", Selector("@./a/b.yaml", file="a/b.yaml")),
        ("Widget/w", Selector("Widget/w", kind="Widget", name="w")),
        ("Widget/a=b", Selector("Widget/a=b", kind="Widget", name="a=b")),
        ("Widget/a/b", Selector("Widget/a/b", kind="Widget", name="a/b")),
        ("team=a/b", Selector("team=a/b", label="team", value="a/b")),
        ("team=a=b", Selector("team=a=b", label="team", value="a=b")),
        ("team=", Selector("team=", label="team")),
    ],
)
def test_selectors_are_read_and_keep_their_words(text: str, read: Selector) -> None:
    assert Selector.parse(text) == read
    assert narrowing_words(["f"], [read], [read]) == ("f", f"--only {text}", f"--exclude {text}")


@pytest.mark.parametrize("text", ["/w", "Widget/", "Widget", "=a", "@", ""])
def test_half_a_selector_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="is not a selector"):
        Selector.parse(text)


@pytest.mark.parametrize(
    ("place", "lies_in"),
    [("a/b", True), ("a/b/", True), ("a/b/c.yaml", True), (".", True), ("a/bb", False), ("b", False), ("/a/b", False)],
)
def test_what_lies_in_a_folder(place: str, lies_in: bool) -> None:
    item = Desired(Key("Widget", "w"), {"name": "w"}, file="a/b/c.yaml")
    assert bool(select([item], (), (), [place])) is lies_in
    assert select([item], (), (), ["elsewhere", place]) == select([item], (), (), [place])
