"""Values beside each other: lines that both share are counted, words that differ are marked, secrets stay words."""

from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.compare import FieldChange
from reconciler.core.values import ABSENT, MASKED, Secret, Unknown
from reconciler.render.side_by_side import COMPARED, pair_of, value_lines


def field(live, desired, **more):
    return FieldChange(("f",), more.pop("status", "ours"), more.pop("base", live), desired, live, **more)


def texts(lines):
    return ["".join(run.text for run in line.runs) for line in lines]


def marked(lines):
    return [run.text for line in lines for run in line.runs if run.changed]


def test_words_that_differ_are_marked():
    before, after = pair_of(field("https://crm-test.example/v3", "https://crm.example/v4"))
    assert marked(before) == ["-test", "v3"]
    assert marked(after) == ["v4"]


def test_nothing_is_marked_where_little_is_shared():
    before, after = pair_of(field("apples", "pears and plums"))
    assert marked(before) == marked(after) == []


def test_a_text_of_several_lines_stays_one():
    before, after = pair_of(field("a\nb\nc\n", "a\nB\nc\n"))
    assert texts(before) == ["|", "  a", "  b", "  c"]
    assert [line.changed for line in after] == [False, False, True, False]


def test_shared_lines_are_counted():
    items = {f"key{index:02}": "x" * 20 for index in range(30)}
    before, after = pair_of(field(items, {**items, "key15": "y"}))
    assert len(before) == len(after) == 7
    assert texts(before)[0] == "… 13 lines the same"
    assert texts(before)[-1] == "… 12 lines the same"
    assert before[0].remark


def test_what_is_missing_is_a_remark():
    before, after = pair_of(field(ABSENT, "(not set)"))
    assert (texts(before), before[0].remark) == (["(not set)"], True)
    assert (texts(after), after[0].remark) == (['"(not set)"'], False)


def test_a_secret_on_either_side_hides_both():
    for live, desired in (("plain", Secret("${env:K}", "value")), (MASKED, "plain"), ("plain", MASKED)):
        shown = texts(pair_of(field(live, desired))[0]) + texts(pair_of(field(live, desired))[1])
        assert "plain" not in "".join(shown)
        assert "value" not in "".join(shown)
    assert texts(pair_of(field(MASKED, Secret("${env:K}"), secret="rotated"))[1]) == ["(secret, rotated)"]


def test_what_is_left_alone_says_so():
    assert texts(pair_of(field(1, ABSENT, status="released"))[1]) == ["(left as it is)"]


def test_what_is_known_later_is_a_remark():
    (line,) = value_lines(Unknown("K", "n", "id"))
    assert line.remark


def test_very_long_values_are_not_compared_line_by_line():
    old = [f"item {index} of a list that is too long for one line" for index in range(COMPARED + 1)]
    before, after = pair_of(field(old, old[1:]))
    assert (len(before), len(after)) == (COMPARED + 1, COMPARED)
    assert marked(before) == []


def test_a_very_long_line_is_marked_between_its_ends():
    before, _ = pair_of(field("a b " * 300 + "x" + " c d" * 300, "a b " * 300 + "y" + " c d" * 300))
    assert marked(before) == ["x"]


@given(st.text(), st.text())
def test_the_runs_of_a_line_are_the_line(one, other):
    before, after = pair_of(field(one, other))
    if one != other and before[0].runs != after[0].runs:
        assert texts(before) == texts(value_lines(one))
        assert texts(after) == texts(value_lines(other))
