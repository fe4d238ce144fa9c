import pytest

from reconciler.core.compare import FieldChange
from reconciler.core.values import ABSENT, MASKED, Bundle, Secret, Template, Unknown
from reconciler.render.escape import cells, mermaid_label, shorten, shorten_together, visible
from reconciler.render.rows import Room, field_rows, three_sides
from reconciler.render.values import inline, mask_together, outline, path_label, scalar


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain words, no", '"plain words, no"'),
        ("ACTIVE", "ACTIVE"),
        ("https://host.example/a?b=c&d=%20", "https://host.example/a?b=c&d=%20"),
        ("/v1/items", "/v1/items"),
        ("1.2.3", "1.2.3"),
        ("2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z"),
        ("Zürich", "Zürich"),
        ("", '""'),
        ("true", '"true"'),
        ("No", '"No"'),
        ("null", '"null"'),
        ("10", '"10"'),
        ("-1.5e3", '"-1.5e3"'),
        ("0x1F", '"0x1F"'),
        ("(secret)", '"(secret)"'),
        ("(known after apply)", '"(known after apply)"'),
        ("sha256:aa → b", '"sha256:aa → b"'),
        ("sha256:abababababab", '"sha256:abababababab"'),
        ("a: b", '"a: b"'),
        ("[x]", '"[x]"'),
        (" lead", '" lead"'),
        ("tail ", '"tail "'),
        ('say "x"', '"say \\"x\\""'),
        ("a\nb\tc", '"a\\nb\\tc"'),
        ("\x1b[31m\x7f\x9b", '"\\u001b[31m\\u007f\\u009b"'),
        ("\u202eevil\u2066\u200b\ufeff", '"\\u202eevil\\u2066\\u200b\\ufeff"'),
        ("\U000e0041", '"\\U000e0041"'),
        ("\ud800", '"\\ud800"'),
    ],
)
def test_a_string_is_bare_only_where_nothing_could_be_misread(value, text):
    assert scalar(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (1.5, "1.5"),
        ([], "[]"),
        ({}, "{}"),
        ({"a": [1, {"b c": None}]}, "{a: [1, {b c: null}]}"),
        (ABSENT, "(not set)"),
        (MASKED, "(secret)"),
        (Secret("${env:X}", "canary"), "(secret)"),
        (Secret("${env:X}", fingerprint="fp"), "(secret)"),
        (Secret("${env:X}"), "(secret, not checked here)"),
        (Unknown("DataAction", "x", "id"), "(known after apply)"),
        (Template(("a/", Unknown("K", "x", "id"))), '"a/${ref:K/x.id}" (known after apply)'),
        (Bundle("ab" * 32), "sha256:abababababab"),
    ],
)
def test_every_value_has_one_line(value, text):
    assert inline(value) == text


def test_a_long_value_becomes_an_outline():
    value = {"columns": [{"name": "first", "type": "string"}, {"name": "second", "type": "a" * 24}], "size": 1}
    assert outline("spec:", value, 40) == [
        (0, "spec:"),
        (1, "columns:"),
        (2, "- {name: first, type: string}"),
        (2, "- name: second"),
        (3, "type: " + "a" * 24),
        (1, "size: 1"),
    ]


def test_a_list_of_lists_keeps_its_dashes():
    assert outline("", [["a" * 20, "bb"], []], 26) == [(0, "- - " + "a" * 20), (1, "- bb"), (0, "- []")]


@pytest.mark.parametrize(
    ("path", "keyed", "text"),
    [
        (("mappings", "phone", "direction"), 1, "mappings[phone].direction"),
        (("mappings", "Contact.Work Phone"), 1, "mappings[Contact.Work Phone]"),
        (("columns", "a.b", "type"), -1, 'columns["a.b"].type'),
        (("environment", "x: 1 → 2\n"), -1, 'environment["x: 1 → 2\\n"]'),
        (("parts", "]"), 1, 'parts["]"]'),
        (("", "a"), -1, '[""].a'),
    ],
)
def test_a_path_cannot_pretend_to_be_another(path, keyed, text):
    assert path_label(path, keyed) == text


def test_unprintable_characters_are_shown_outside_of_quotes_too():
    assert visible("a\x1b[2Jb\u202e\n") == "a\\u001b[2Jb\\u202e\\n"
    assert visible("déjà → ok") == "déjà → ok"


def test_shortening_keeps_both_ends():
    assert shorten("abcdefghij", 5) == "ab…ij"
    assert shorten("abcdefghij", 10) == "abcdefghij"
    assert shorten("abcdefghij", 1) == "…"
    assert shorten("abcdefghij", 0) == "abcdefghij"


def test_wide_characters_take_two_columns():
    assert cells("漢字e\u0301") == 5
    assert cells(shorten("漢" * 40, 21)) <= 21


@pytest.mark.parametrize("room", [24, 40, 72])
def test_wide_characters_leave_the_difference_in_sight_too(room):
    shared = "漢字" * 9
    before, after = shorten_together((shared + shared, shared + "a" + shared), room)
    assert before != after
    assert "a" in after
    assert max(cells(before), cells(after)) <= room


def test_texts_that_are_compared_lose_what_they_share():
    before, after = shorten_together(("x" * 300 + "A" + "y" * 300, "x" * 300 + "B" + "y" * 300), 40)
    assert "A" in before
    assert "B" in after
    assert max(cells(before), cells(after)) <= 40


def test_a_side_in_the_clear_is_masked_where_another_is_a_secret():
    secret = Secret("${env:X}")
    assert mask_together(("hunter2", secret, ABSENT)) == [MASKED, MASKED, ABSENT]
    assert mask_together(({"k": "hunter2", "plain": 1}, {"k": secret, "plain": 2})) == [
        {"k": MASKED, "plain": 1},
        {"k": MASKED, "plain": 2},
    ]
    assert mask_together((["hunter2"], [secret])) == [MASKED, [secret]]
    assert mask_together(("hunter2", {"k": secret})) == [MASKED, {"k": secret}]
    assert mask_together((1, 2, ABSENT)) == [1, 2, ABSENT]


@pytest.mark.parametrize("status", ["ours", "theirs", "both", "unset", "released"])
def test_no_row_shows_a_secret_s_old_value(status):
    change = FieldChange(("k",), status, "hunter2", Secret("${env:X}"), "hunter2")
    rows = field_rows(change, Room(full=True))
    assert "hunter2" not in "".join(row.text for row in rows)
    assert dict(three_sides(change, Room())) == {"applied": "(secret)", "tenant": "(secret)", "git": "(secret)"}


def test_a_field_that_is_known_to_be_secret_shows_no_side():
    change = FieldChange(("k",), "theirs", "hunter1", "hunter2", ABSENT, "missing")
    assert dict(three_sides(change, Room())) == {"applied": "(secret)", "tenant": "(not set)", "git": "(secret)"}
    assert [row.text for row in field_rows(change, Room())] == ["k: (secret, missing in the tenant) (drift: put back)"]


def test_a_mermaid_label_holds_no_markup():
    assert mermaid_label('a"]; click <b> é') == '"a#34;#93;#59; click #60;b#62; é"'
