"""Reports say the same in every format, keep their structure whatever they hold, and are the same bytes for the same plan."""

from __future__ import annotations

import html
import json
import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from reconciler.core.plan import Plan
from reconciler.core.planfile import plan_from_json, plan_to_json
from reconciler.core.report import Report, Result, report_from_json, report_to_json
from reconciler.core.resource import Key
from reconciler.render.document import render_plan_json, render_report_json
from reconciler.render.drift_html import render_drift_html
from reconciler.render.drift_markdown import render_drift_markdown
from reconciler.render.escape import visible
from reconciler.render.markdown import LIMIT
from reconciler.render.page import verb
from reconciler.render.plan_github import render_drift_github, render_plan_github, render_report_github
from reconciler.render.plan_html import render_plan_html
from reconciler.render.plan_junit import render_plan_junit
from reconciler.render.plan_markdown import render_plan_markdown
from reconciler.render.plan_text import noted, render_plan_text
from reconciler.render.report_html import render_report_html
from reconciler.render.report_markdown import render_report_markdown
from tests.property.test_render import CANARY, Tags, keys, marks, plans, texts
from tests.support.html_pages import read_page
from tests.support.profile import share
from tests.support.render_plans import applied, live, plan_of, widget, worlds
from tests.support.report_plans import large, told

ACTIONS = ("create", "update", "delete", "adopt", "forget")
_STATES = st.sampled_from(
    ["same", "new", "changed", "drifted", "conflict", "gone", "missing", "foreign", "left behind", "vanished"]
)


@st.composite
def tidy_plans(draw) -> Plan:
    """Plans that the planner makes of random worlds: every action, drift, conflicts, orphans, refusals."""
    states = draw(st.lists(_STATES, max_size=12))
    desired, observed, entries = [], [], []
    for index, state in enumerate(states):
        name = f"w{index}"
        git = {"size": 2 if state in ("changed", "conflict") else 1}
        there = {"size": 3 if state in ("drifted", "conflict") else 1}
        if state not in ("gone", "left behind", "vanished"):
            after = [f"w{index - 1}"] if index and draw(st.booleans()) else []
            desired.append(
                widget(name, after=[] if states[index - 1] in ("gone", "left behind", "vanished") else after, **git)
            )
        if state not in ("new", "missing", "vanished"):
            observed.append(live(name, **there))
        if state not in ("new", "foreign"):
            entries.append(applied(name, retain=state == "left behind", size=1))
    return plan_of(desired, observed, entries, prune=draw(st.booleans()), rate=draw(st.sampled_from([0.0, 4.0])))


def facts(plan: Plan) -> dict[str, object]:
    """What every format has to tell, from the plan itself."""
    return {
        "changes": [(change.action, str(change.key)) for change in plan.changes if change.action != "none"],
        "noted": [(verb(change), str(change.key)) for change in noted(plan)],
        "drifted": [str(change.key) for change in plan.drifted],
        "counts": {action: plan.count(action) for action in ACTIONS},
        "codes": [problem.code for problem in plan.problems],
        "orphans": [str(item.key) for item in plan.orphans],
        "unchanged": plan.unchanged,
    }


def parts(text: str, head: str) -> dict[str, str]:
    """Sections of a text by the first word of their heading."""
    found = re.split(head, text, flags=re.MULTILINE)
    return {found[0].split("\n")[0]: "", **dict(zip(found[1::2], found[2::2], strict=True))}


def in_text(plan: Plan) -> dict[str, object]:
    text = render_plan_text(plan, full=True)
    sections = parts(text, r"^(Conflicts|Drift|Changes|Nothing to send|Orphans|Warnings|Refused) \(\d+\)")
    first = text.splitlines()[0]
    counts = {action: int(number) for number, action in re.findall(r"(\d+) to (\w+)", first)}

    def entries(name: str, signs: str) -> list[tuple[str, str]]:
        return re.findall(rf"^  [{signs}] (\w+) (\S+)", sections.get(name, ""), re.MULTILINE)

    drifted = [
        key
        for name in ("Conflicts", "Drift")
        for key in re.findall(r"^  [!~] (\S+)", sections.get(name, ""), re.MULTILINE)
    ]
    return {
        "changes": entries("Changes", "+~±·-"),
        "noted": entries("Nothing to send", "="),
        "drifted": drifted,
        "counts": {action: counts.get(action, 0) for action in ACTIONS},
        "codes": re.findall(r"^  ! (G\d+) ", sections.get("Refused", ""), re.MULTILINE),
        "orphans": re.findall(r"^  · (\S+) \(id", sections.get("Orphans", ""), re.MULTILINE),
        "unchanged": int(re.search(r"\((\d+) unchanged\)", first)[1]),  # type: ignore[index]
    }


def in_markdown(plan: Plan) -> dict[str, object]:
    text = render_plan_markdown(plan)
    noted_part = (re.search(r"<summary>Nothing to send.*?(?=\n### |\n---|\Z)", text, re.DOTALL) or [""])[0]
    rest = text.replace(noted_part, "") if noted_part else text
    code = r"<code>([^<]*)</code>"

    def keyed(pattern: str, where: str) -> list[tuple[str, str]]:
        return [(action, html.unescape(key)) for action, key in re.findall(pattern + code, where, re.MULTILINE)]

    changes = keyed(r"^(?:<summary>[+~±·-] |- )(create|update|delete|adopt|forget) ", rest)
    drift = rest.partition("### ⚠️ Drift")[2].partition("\n### ")[0]
    counts: Counter[str] = Counter()
    for row in re.findall(r"^\| <code>\w+</code> \|(.*)\|$", rest, re.MULTILINE):
        counts.update(
            {action: int(cell or 0) for action, cell in zip(ACTIONS, map(str.strip, row.split("|")), strict=False)}
        )
    orphans = rest.partition("### Orphans")[2]
    return {
        "changes": changes,
        "noted": keyed(r"^(?:<summary>= |- )(record|check) ", noted_part),
        "drifted": [html.unescape(key) for key in re.findall(rf"^(?:<summary>)?{code}", drift, re.MULTILINE)],
        "counts": {action: counts[action] for action in ACTIONS},
        "codes": re.findall(r"^- \*\*<code>(G\d+)</code>", rest, re.MULTILINE),
        "orphans": [html.unescape(key) for key in re.findall(rf"^- {code} \(id", orphans, re.MULTILINE)],
        "unchanged": int(re.search(r"^(\d+) unchanged", text, re.MULTILINE)[1]),  # type: ignore[index]
    }


def in_html(plan: Plan) -> dict[str, object]:
    page = read_page(render_plan_html(plan))
    return {
        "changes": [(entry.action, entry.key) for entry in page.of("changes")],
        "noted": [(entry.action, entry.key) for entry in page.of("noted")],
        "drifted": [entry.key for entry in (*page.of("conflicts"), *page.of("drift"))],
        "counts": {action: page.tiles.get(f"to {action}", 0) for action in ACTIONS},
        "codes": page.codes,
        "orphans": [entry.key for entry in page.of("orphans")],
        "unchanged": page.tiles["unchanged"],
    }


def in_json(plan: Plan) -> dict[str, object]:
    data = json.loads(render_plan_json(plan))
    changes = [(item["action"], item["key"]) for item in data["changes"]]
    return {
        "changes": [item for item in changes if item[0] != "none"],
        "noted": [(verb(change), str(change.key)) for change in noted(plan_from_json(data))],
        "drifted": data["drift"],
        "counts": {action: sum(1 for item in changes if item[0] == action) for action in ACTIONS},
        "codes": [item["code"] for item in data["problems"]],
        "orphans": [item["key"] for item in data["orphans"]],
        "unchanged": data["unchanged"],
    }


def agree(plan: Plan) -> None:
    wanted = facts(plan)
    for read in (in_text, in_markdown, in_html, in_json):
        found = read(plan)
        assert found == wanted, (
            read.__name__,
            {name: (found[name], wanted[name]) for name in wanted if found[name] != wanted[name]},
        )


@given(tidy_plans())
def test_every_format_says_the_same(plan: Plan) -> None:
    agree(plan)


@pytest.mark.parametrize("name", worlds())
def test_so_it_does_of_every_world(name: str) -> None:
    agree(worlds()[name])


def test_and_of_a_plan_with_everything() -> None:
    agree(told(large(24)))


@given(tidy_plans())
def test_the_same_plan_read_back_gives_the_same_bytes(plan: Plan) -> None:
    again = plan_from_json(json.loads(json.dumps(plan_to_json(plan))))
    for render in (
        render_plan_text, render_plan_markdown, render_plan_html, render_plan_json, render_plan_junit, render_plan_github,
        render_drift_html, render_drift_markdown, render_drift_github,
    ):  # fmt: skip
        assert render(again) == render(plan)


@share(0.3)
@given(plans)
def test_pages_keep_their_structure(plan: Plan) -> None:
    for text in (render_plan_html(plan), render_drift_html(plan, [("<b>", "\x1b<script>", "--><img src=x>")])):
        page = read_page(text)
        words = "".join(page.words)
        assert CANARY not in text
        assert all(ch.isprintable() or ch == "\n" for ch in words)
    assert len(read_page(render_plan_html(plan)).of("changes")) == sum(c.action != "none" for c in plan.changes)


def well_formed(text: str) -> None:
    """Markdown of which every token is one that the renderers write on purpose."""
    assert len(text) < LIMIT
    assert CANARY not in text
    assert all(line.isprintable() for line in text.split("\n"))
    tags = Tags()
    for token in MarkdownIt("gfm-like", {"linkify": False}).parse(text):
        assert token.type not in ("code_block", "blockquote_open", "ordered_list_open"), token
        assert token.type != "fence" or token.info in ("diff", "mermaid")
        if token.type == "html_block":
            tags.feed(token.content)
        for child in token.children or ():
            assert child.type not in ("link_open", "image", "s_open"), child
            if child.type == "html_inline":
                tags.feed(child.content)
    tags.close()
    assert tags.open == []


@share(0.3)
@given(plans, st.lists(st.tuples(texts, texts, texts), max_size=3))
def test_markdown_of_drift_keeps_its_structure(plan: Plan, unmanaged: list[tuple[str, str, str]]) -> None:
    well_formed(render_drift_markdown(plan, unmanaged))


results = st.builds(
    Result,
    keys,
    st.sampled_from([*ACTIONS, "none"]),
    st.sampled_from(["applied", "stale", "failed", "skipped", "unknown"]),
    texts,
    texts,
    texts,
    texts,
    st.none() | keys,
    st.none() | marks,
)
reports = st.builds(
    Report,
    st.lists(results, max_size=5).map(tuple),
    st.lists(st.tuples(keys, texts), max_size=2).map(tuple),
    st.sampled_from([0, 2, 15, 9]),
    st.dictionaries(texts, st.integers(0, 99), max_size=2),
    plans.map(lambda plan: plan.header),
)


@share(0.3)
@given(reports)
def test_reports_of_an_apply_keep_their_structure_and_say_the_same(report: Report) -> None:
    well_formed(render_report_markdown(report))
    page = read_page(render_report_html(report))
    found = [(entry.action, entry.key) for section in ("open", "applied") for entry in page.of(section)]
    wanted = [(str(item.outcome), str(item.key)) for item in report.results]
    shown = [(outcome, visible(key)) for outcome, key in wanted]
    assert Counter(found) == Counter(shown)
    data = json.loads(render_report_json(report))
    assert [(item["outcome"], item["key"]) for item in data["results"]] == wanted
    assert len(page.of("diverged")) == len(report.diverged)


@share(0.3)
@given(plans, reports)
def test_an_annotation_is_one_line_and_nothing_but_an_annotation(plan: Plan, report: Report) -> None:
    for text in (render_plan_github(plan), render_drift_github(plan), render_report_github(report)):
        assert text.endswith("\n")
        for line in text.removesuffix("\n").split("\n"):
            assert line.isprintable()
            assert re.fullmatch(r"::(error|warning|notice) ((file|line|col|title)=[^:,]*,?)+::[^\r\n]*", line), line


@share(0.3)
@given(reports.filter(lambda report: "\ud800" not in str(report)))
def test_a_report_reads_back(report: Report) -> None:
    assert report_from_json(json.loads(json.dumps(report_to_json(report)))) == report


def test_a_report_of_the_first_format_is_read() -> None:
    key = Key("Widget", "a")
    data = report_to_json(Report((Result(key, "update", "failed", "id-a", "H006"),), signal=2))
    del data["header"], data["results"][0]["source"]
    data["format_version"] = "1.0"
    assert report_from_json(data) == Report((Result(key, "update", "failed", "id-a", "H006"),), signal=2)
