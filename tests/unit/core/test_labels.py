"""Labels: short enough, unlike each other, and the same whatever else is there."""

from __future__ import annotations

from hashlib import sha256

from reconciler.core.labels import MAX_LABEL, labels_for


def mark(name: str, length: int = 6) -> str:
    return sha256(name.encode()).hexdigest()[:length]


def test_two_names_with_one_label_both_get_a_mark() -> None:
    assert labels_for(["A b", "a B"], (), "x") == {"A b": f"a-b-{mark('A b')}", "a B": f"a-b-{mark('a B')}"}
    assert labels_for(["A b"], (), "x") == {"A b": "a-b"}


def test_a_label_that_is_too_long_ends_before_its_mark() -> None:
    room = MAX_LABEL - 7
    long, dashed = "a" * 80, "b" * (room - 1) + "-" + "c" * 20
    found = labels_for([long, dashed], (), "x")
    assert found == {long: "a" * room + f"-{mark(long)}", dashed: "b" * (room - 1) + f"-{mark(dashed)}"}
    assert len(found[long]) == MAX_LABEL
    exact = "a" * MAX_LABEL
    assert labels_for([exact], (), "x") == {exact: exact}


def test_a_mark_that_is_taken_grows() -> None:
    taken = {"a-b", *(f"a-b-{mark('A b', length)}" for length in (6, 7))}
    assert labels_for(["A b"], taken, "x") == {"A b": f"a-b-{mark('A b', 8)}"}
    assert labels_for(["A b"], taken - {f"a-b-{mark('A b', 7)}"}, "x") == {"A b": f"a-b-{mark('A b', 7)}"}


def test_no_label_begins_or_ends_with_a_dash() -> None:
    assert labels_for(["(Sales!)"], (), "x") == {"(Sales!)": "sales"}


def test_a_mark_is_made_of_any_name_at_all() -> None:
    digest = sha256("\ud800".encode("utf-8", "surrogatepass")).hexdigest()
    assert labels_for(["\ud800"], (), "widget") == {"\ud800": f"widget-{digest[:6]}"}
