import re
import subprocess
import sys
from dataclasses import replace

import pytest

from reconciler.core.plan import Problem, summary
from reconciler.core.resource import Key
from reconciler.core.values import Bundle
from reconciler.render.drift_text import render_drift_text
from reconciler.render.escape import cells
from reconciler.render.plan_text import render_plan_text
from tests.support.render_plans import applied, live, plan_of, secret, widget, worlds

ANSI = re.compile(r"\x1b\[[0-9;]*m")

FINGERPRINT = """
import hashlib
from reconciler.render.document import render_plan_json
from tests.support.golden_plans import render_all
from tests.support.render_plans import worlds
for name, plan in worlds().items():
    text = render_plan_json(plan) + "".join(render_all(plan).values())
    print(name, hashlib.sha256(text.encode()).hexdigest())
"""


def block(text, first):
    """The lines of one change: its title, and what stands further in."""
    lines = text.splitlines()
    start = next(index for index, line in enumerate(lines) if line.strip().startswith(first))
    indent = len(lines[start]) - len(lines[start].lstrip())
    end = next(
        (i for i in range(start + 1, len(lines)) if len(lines[i]) - len(lines[i].lstrip()) <= indent), len(lines)
    )
    return [line.strip() for line in lines[start:end]]


@pytest.mark.parametrize("name", worlds())
def test_the_summary_comes_first(name):
    plan = worlds()[name]
    first = render_plan_text(plan).splitlines()[0]
    assert summary(plan) in first
    assert first.startswith("No changes.") == (not plan.has_changes and not plan.problems)


@pytest.mark.parametrize("name", worlds())
@pytest.mark.parametrize("width", [0, 40, 100])
def test_colour_changes_no_word(name, width):
    plan = worlds()[name]
    painted = render_plan_text(plan, width=width, color=True)
    assert ANSI.sub("", painted) == render_plan_text(plan, width=width)
    assert painted != ANSI.sub("", painted)


@pytest.mark.parametrize("width", [72, 100, 160])
def test_lines_keep_to_the_width(width):
    for name, plan in worlds().items():
        if name != "hostile":
            assert [line for line in render_plan_text(plan, width=width).splitlines() if cells(line) > width] == []


def test_no_line_ends_in_blanks():
    for plan in worlds().values():
        for line in render_plan_text(plan, width=70).splitlines():
            assert line == line.rstrip()


def test_plain_text_imports_no_rich():
    code = (
        "import sys; from tests.support.render_plans import worlds; from reconciler.render.plan_text import render_plan_text;"
        "[render_plan_text(plan, width=80, color=True) for plan in worlds().values()];"
        "sys.exit(sorted({'rich', 'deepdiff', 'pydantic', 'click'} & set(sys.modules)) != [])"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_bytes_do_not_depend_on_the_hash_seed():
    outputs = {
        subprocess.run(
            [sys.executable, "-c", FINGERPRINT],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("0", "1", "4242")
    }
    assert len(outputs) == 1
    assert len(outputs.pop().splitlines()) == len(worlds())


def test_a_create_shows_all_that_is_sent_and_what_is_known_later():
    text = block(render_plan_text(worlds()["creates"]), "+ create Widget/lookup")
    assert text[0] == "+ create Widget/lookup  manifests/lookup.yaml:1"
    assert "+ code: sha256:cdcdcdcdcdcd" in text
    assert "+ lib/crm.js (added)" in text
    assert any("clientSecret: (secret)" in line for line in text)
    assert any("STORE: (known after apply)" in line and "/rows" in line for line in text)


def test_changes_stand_in_apply_order():
    text = render_plan_text(worlds()["creates"])
    places = [text.index(f"+ create Widget/{name}") for name in ("store", "lookup", "stream")]
    assert places == sorted(places)


def test_an_update_shows_the_differences_and_nothing_else():
    assert block(render_plan_text(worlds()["updates"]), "~ update Widget/cart")[1:] == [
        "~ code: sha256:111111111111 → sha256:222222222222",
        "~ a.js (changed)",
        "- b.js (removed)",
        "+ c.js (added)",
        "- label: old (no longer declared: cleared)",
        "+ limits.perSecond: 5",
        "- parts[axle]: {name: axle, count: 2}",
        "+ parts[seat]: {name: seat, count: 1}",
        "~ parts[wheel].count: 4 → 6",
        "~ size: 1 → 2",
        "~ tags: [a, b] → [b, c]",
    ]


def test_a_conflict_shows_all_three_values_and_who_was_it():
    text = render_plan_text(worlds()["conflict"])
    assert text.index("Conflicts (1)") < text.index("Drift (1)") < text.index("Changes (2)")
    assert block(text, "! Widget/a") == [
        "! Widget/a  manifests/a.yaml:1, last written by jane@example.com at 2026-02-28T09:30:00Z",
        "endpoint  manifests/a.yaml:5",
        "applied  https://first.example/v1",
        "tenant   https://tenant.example/v2",
        "git      https://git.example/v3",
        "size: applied 1, tenant 5, git 1",
    ]


def test_drift_alone_says_how_much_and_nothing_of_the_changes():
    text = render_drift_text(worlds()["drift"])
    assert text.startswith("2 drifted (1 missing)\n")
    assert "Changes" not in text
    assert "it is gone from the tenant; apply creates it again" in text
    assert render_drift_text(worlds()["creates"]).startswith("No drift.")


@pytest.mark.parametrize("path", ["a", "b", "c", "d"])
def test_a_secret_says_its_state_and_never_its_value(path):
    states = {
        "a": "(secret, rotated)",
        "b": "(secret, not checked here)",
        "c": "(secret, missing in the tenant) (drift: put back)",
        "d": "(secret)",
    }
    text = render_plan_text(worlds()["secrets"], full=True)
    assert any(
        line[-len(states[path]) :] == states[path] for line in text.splitlines() if f"credentials.{path}:" in line
    )
    assert "canary" not in text


def test_a_forced_secret_is_said_to_be_written_again():
    plan = plan_of(
        [widget("a", credentials={"k": secret("K", "v", "fp")})],
        [live("a", credentials={"k": "********"})],
        [applied("a", credentials={"k": secret("K", fingerprint="fp")})],
        write_secrets=frozenset({Key("Widget", "a")}),
    )
    assert "credentials.k: (secret, written again)" in render_plan_text(plan)


def test_what_a_schema_change_means_and_touches():
    text = block(render_plan_text(worlds()["schema"]), "~ update Widget/table")
    assert "! breaking: age: type changes from number to string" in text
    assert "compatible: mail: new nullable column" in text
    assert "touches: FieldMapping/people, Ingestion/orders" in text


def test_a_problem_is_shown_with_its_code_and_the_way_out():
    plan = replace(worlds()["updates"], problems=(Problem("G001", "7 deletes are more than 5", "--allow G001=7"),))
    text = render_plan_text(plan)
    assert block(text, "! G001") == ["! G001 7 deletes are more than 5", "fix: --allow G001=7"]


def test_a_released_field_is_said_to_be_left_alone():
    plan = plan_of([widget("a", size=1)], [live("a", size=1, label="theirs")], [applied("a", size=1, label="ours")])
    assert "label: theirs (no longer declared: left as it is)" in render_plan_text(plan)


def test_many_unchecked_secrets_are_counted():
    names = [f"w{index:02}" for index in range(30)]
    known = secret("K", fingerprint="fp")
    plan = plan_of(
        [widget(name, credentials={"k": secret("K")}) for name in names],
        [live(name, credentials={"k": "********"}) for name in names],
        [applied(name, credentials={"k": known}) for name in names],
    )
    text = render_plan_text(plan)
    assert text.startswith("No changes.")
    assert "Nothing to send (30)" in text
    assert "… 10 more" in text
    assert "… " not in render_plan_text(plan, full=True)


def test_the_difference_of_long_values_stays_in_sight():
    text = render_plan_text(worlds()["long_values"], width=80)
    assert "word50" in text
    assert "WORD-50" in text
    assert "~ tags: (59 unchanged)" in text
    assert "+ [tag0]" in text
    whole = render_plan_text(worlds()["long_values"], full=True)
    assert "… " not in whole
    assert "word0 word1" in whole
    assert "word78 word79" in whole


def test_a_list_in_another_order_says_so():
    items = [f"a long name of item {index}" for index in range(9)]
    plan = plan_of([widget("a", steps=items[::-1])], [live("a", steps=items)], [applied("a", steps=items)])
    assert "~ steps: (the order changes)" in render_plan_text(plan)


def test_a_narrowed_plan_says_that_nothing_is_deleted():
    assert "nothing is deleted or forgotten" in render_plan_text(worlds()["partial"])
    assert "nothing is deleted or forgotten" not in render_plan_text(worlds()["gone"])


def test_the_cost_ends_the_plan():
    assert render_plan_text(worlds()["creates"]).endswith("\nCost: 7 requests, 0.7 s at the target's limit\n")


def test_a_write_without_a_real_precondition_is_marked():
    assert "best effort" in render_plan_text(worlds()["best_effort"])
    assert "best effort" not in render_plan_text(worlds()["updates"])


def test_a_bundle_with_many_files_is_cut_and_counted():
    files = {f"f{index:03}.js": "1" for index in range(60)}
    plan = plan_of([widget("a", code=Bundle("ab" * 32, files))])
    assert "… 20 more files" in render_plan_text(plan)
    assert "f059.js (added)" in render_plan_text(plan, full=True)
