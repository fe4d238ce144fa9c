"""Whatever stands in a plan, what is printed of it is printable, holds no secret, and keeps Markdown's structure whole."""

import re
from html.parser import HTMLParser
from typing import ClassVar

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from reconciler.core.compare import FieldChange
from reconciler.core.diagnostic import Mark
from reconciler.core.plan import Change, Cost, Header, Orphan, Plan, Problem, Step
from reconciler.core.planfile import plan_from_json, plan_to_json
from reconciler.core.resource import Key, Pin
from reconciler.core.schema_change import SchemaEffect
from reconciler.core.values import ABSENT, MASKED, Bundle, Secret, Template, Unknown
from reconciler.render.drift_text import render_drift_text
from reconciler.render.escape import cells, shorten_together
from reconciler.render.markdown import LIMIT
from reconciler.render.plan_markdown import render_plan_markdown
from reconciler.render.plan_text import render_plan_text
from reconciler.render.values import inline, scalar
from tests.support.profile import share

CANARY = "c4n4ry-value"
ANSI = re.compile(r"\x1b\[[0-9;]*m")
POISON = [
    "sha256:abababababab", ",line=1::", "%0A::error::",
    "```", "``````````", "~~~", "</details>", "<script>x</script>", "<!--", "-->", "--", "&lt;", "&#96;", "|", "\\|", "\\", "\n",
    "\r\n", "\n\n", "\n```\n", "# x", "> x", "- x", "+ x", "1. x", "***", "__x__", "[a](b)", "![a](b)", "<http://x.example>",
    "http://x.example", "www.x.example", "@someone", "#12", "$x$", "]]>", "\x1b[31m", "\x9b2J", "\x00", "\x7f", "\u202e", "\u2066",
    "\u200b", "\u2028", "\ufeff", "\ud800", "→", "(secret)", "(known after apply)", "漢字", "e\u0301", '"', "'", ": ", "…", "---",
]  # fmt: skip
texts = st.lists(st.sampled_from(POISON) | st.text(max_size=8), max_size=5).map("".join) | st.text("aé ", max_size=300)
names = st.lists(st.sampled_from(POISON) | st.text("abcXYZ-", min_size=1), min_size=1, max_size=3).map(
    lambda parts: "".join(parts).replace("/", "|") or "x"
)
keys = st.builds(Key, names, names)
secrets = st.builds(Secret, texts, st.just(CANARY), st.just("fp"))
leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
    | secrets
    | st.just(MASKED)
    | st.builds(Unknown, names, names, names)
    | st.builds(lambda text, name: Template((text, Unknown("K", name, "id"))), texts, names)
    | st.builds(lambda files: Bundle("ab" * 32, files), st.dictionaries(names, st.just("1"), max_size=2))
)
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4), max_leaves=12
)
sides = values | st.just(ABSENT)
fields = st.builds(
    FieldChange,
    st.lists(names, min_size=1, max_size=3).map(tuple),
    st.sampled_from(["ours", "theirs", "both", "unset", "released"]),
    sides,
    sides,
    sides,
    st.sampled_from(["", "", "new", "rotated", "unchecked", "missing", "forced"]),
    st.integers(-1, 2),
)
marks = st.builds(Mark, texts, st.integers(1, 99), st.just(1))


@st.composite
def changes(draw):
    found = tuple(draw(st.lists(fields, max_size=4)))
    return Change(
        draw(keys),
        draw(st.sampled_from(["create", "update", "delete", "adopt", "forget", "none"])),
        draw(texts),
        draw(texts),
        Pin(draw(st.sampled_from(["etag", "version", "compare", "absent"])), "7"),
        draw(st.sampled_from([(), (Step("update", {}),), (Step("create", {}), Step("move", {}))])),
        found,
        tuple(draw(st.lists(st.lists(names, min_size=1, max_size=2).map(tuple), max_size=2))),
        after=tuple(draw(st.lists(keys, max_size=2))),
        reason=draw(st.sampled_from(["", "missing"]) | texts),
        moved_from=draw(st.none() | keys),
        mark=draw(st.none() | marks),
        marks={item.label: draw(marks) for item in found},
        modified=(draw(texts), draw(texts)),
        effects=tuple(
            draw(
                st.lists(st.builds(SchemaEffect, st.sampled_from(["compatible", "breaking"]), texts, texts), max_size=2)
            )
        ),
        touches=tuple(draw(st.lists(keys, max_size=2))),
        bundle_files=tuple(
            draw(st.lists(st.tuples(names, st.sampled_from(["added", "removed", "changed"])), max_size=2))
        ),
    )


plans = st.builds(
    Plan,
    st.builds(Header, texts, texts, texts, texts, texts, texts, texts, texts),
    st.lists(changes(), max_size=4).map(tuple),
    st.lists(st.builds(Orphan, keys, texts, texts, texts), max_size=2).map(tuple),
    st.lists(st.builds(Problem, texts, texts, texts, st.none() | keys, texts), max_size=2).map(tuple),
    st.lists(texts, max_size=2).map(tuple),
    partial=st.booleans(),
    cost=st.builds(Cost, st.integers(0, 9), st.sampled_from([0.0, 1.5])),
)
widths = st.sampled_from([0, 30, 80, 200])


class Tags(HTMLParser):
    """All tags of a page, checked to be the few that the renderer writes, and closed in order."""

    allowed: ClassVar = {"details": {"open"}, "summary": set(), "code": set(), "sub": set(), "br": set()}

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        assert tag in self.allowed, tag
        assert {name for name, _ in attrs} <= self.allowed[tag]
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@share(0.3)
@given(plans, widths, st.booleans())
def test_text_is_printable_and_colour_changes_no_word(plan, width, full):
    for render in (render_plan_text, render_drift_text):
        plain = render(plan, width=width, full=full)
        assert all(line.isprintable() for line in plain.split("\n"))
        assert CANARY not in plain
        assert ANSI.sub("", render(plan, width=width, color=True, full=full)) == plain


@share(0.3)
@given(plans)
def test_a_plan_reads_back_as_it_was_printed(plan):
    data = plan_to_json(plan)
    assert CANARY not in str(data)
    again = plan_from_json(data)
    assert render_plan_text(again, full=True) == render_plan_text(plan, full=True)


@share(0.3)
@given(plans)
def test_markdown_keeps_its_structure(plan):
    text = render_plan_markdown(plan, marker="mark")
    assert CANARY not in text
    assert len(text) < LIMIT
    assert all(line.isprintable() for line in text.split("\n"))
    tags = Tags()
    for token in MarkdownIt("gfm-like", {"linkify": False}).parse(text):
        assert token.type not in ("code_block", "blockquote_open", "ordered_list_open"), token
        if token.type == "fence":
            assert token.info in ("diff", "mermaid")
            assert token.markup == "`" * len(token.markup)
        elif token.type == "html_block":
            tags.feed(token.content)
        for child in token.children or ():
            assert child.type not in ("link_open", "image", "s_open"), child
            if child.type == "html_inline":
                tags.feed(child.content)
    tags.close()
    assert tags.open == []


@given(texts.filter(lambda text: "…" not in text), texts, texts, st.sampled_from([24, 40, 72]))
def test_what_differs_still_differs_when_shortened(shared, one, other, room):
    pair = [scalar(shared * 9 + one + shared * 9), scalar(shared * 9 + other + shared * 9)]
    short = shorten_together(pair, room)
    assert all(cells(text) <= room for text in short)
    assert (short[0] == short[1]) == (pair[0] == pair[1]) or "…" in one + other


@given(texts, values)
def test_a_string_never_looks_like_something_else(text, value):
    shown = scalar(text)
    if not isinstance(value, str):
        assert shown != inline(value)
    assert not shown.startswith(("(", "{", "[", "sha256:"))
