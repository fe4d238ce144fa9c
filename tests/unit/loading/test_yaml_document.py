"""Documents: where values are, what is literal, and what hostile files cost."""

import tracemalloc

import pytest

from reconciler.core.diagnostic import Mark
from reconciler.loading import yaml_tree
from reconciler.loading.yaml import parse_text

TEXT = """\
base: &base
  a: 1
  b: [x, y]
use:
  <<: *base
  own: é  # ü
  list:
    - *base
    - &late {deep: {er: 2}}
alias: *late
"q": |
  block
"""


@pytest.fixture(scope="module")
def document():
    (found,), diagnostics = parse_text(TEXT, "dir/f.yaml")
    assert not diagnostics
    return found


@pytest.mark.parametrize(
    ("path", "value", "key", "literal"),
    [
        ((), (1, 1), (1, 1), True),
        (("base",), (1, 7), (1, 1), True),
        (("base", "b", 1), (3, 10), (3, 10), True),
        (("use", "own"), (6, 8), (6, 3), True),
        (("use", "a"), (2, 6), (2, 3), False),
        (("use", "b", 0), (3, 7), (3, 7), False),
        (("use", "list", 0), (8, 7), (8, 7), False),
        (("use", "list", 0, "b"), (3, 6), (3, 3), False),
        (("use", "list", 1, "deep", "er"), (9, 25), (9, 21), True),
        (("alias",), (10, 8), (10, 1), False),
        (("alias", "deep", "er"), (9, 25), (9, 21), False),
        (("q",), (11, 6), (11, 1), True),
        (("use", "missing", "x"), (5, 3), (5, 3), True),
        (("base", "b", 7), (3, 6), (3, 6), True),
        (("base", 0), (1, 7), (1, 7), True),
    ],
)
def test_places(document, path, value, key, literal):
    assert document.mark(path) == Mark("dir/f.yaml", *value)
    assert document.mark(path, key=True) == Mark("dir/f.yaml", *key)
    assert document.literal(path) is literal


def test_values_are_a_tree_of_their_own(document):
    assert document.value["use"] == {
        "own": "é",
        "list": [{"a": 1, "b": ["x", "y"]}, {"deep": {"er": 2}}],
        "a": 1,
        "b": ["x", "y"],
    }
    assert list(document.value["use"]) == ["own", "list", "a", "b"]
    assert document.value["use"]["b"] is not document.value["base"]["b"]
    assert document.value["use"]["list"][0]["b"] is not document.value["base"]["b"]


def test_excerpt(document):
    assert document.excerpt(document.mark(("use", "own"))) == "  own: é  # ü\n       ^"
    assert document.excerpt(Mark("dir/f.yaml", 99, 1)) == "\n^"


def test_repr_keeps_values_back():
    (document,), _ = parse_text("password: canary\n", "f.yaml")
    assert "canary" not in repr(document)


def test_places_in_later_documents_and_behind_errors():
    documents, diagnostics = parse_text("a: 1\n---\nb: [\n---\n# c\nc: {d: &d 1, e: *d}\n", "f")
    assert [item.index for item in documents] == [0, 2]
    assert len(diagnostics) == 1
    assert documents[1].mark(("c", "d")) == Mark("f", 6, 8)
    assert documents[1].mark(("c", "e")) == Mark("f", 6, 17)
    assert not documents[1].literal(("c", "e"))


def test_line_ends_of_all_kinds_count():
    (document,), _ = parse_text("a: 1\r\nb: 2\rc: 3\nd: 4\n", "f")
    assert [document.mark((key,)).line for key in "abcd"] == [1, 2, 3, 4]


def laughs(levels):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    "text",
    [
        laughs(12),
        "a0: &a0 {x: 1}\n" + "".join(f"a{n + 1}: &a{n + 1} {{<<: *a{n}, p{n}: *a{n}}}\n" for n in range(99)),
        "a0: &a0 {x: 1}\n" + "".join(f"a{n + 1}: &a{n + 1} {{p: *a{n}}}\n" for n in range(200)),
        "---\n".join(laughs(5) for _ in range(20)),
        "[" * 5000,
        "{a: " * 5000,
        "- " * 5000,
        "? " * 5000,
        "a: " + "[" * 5000 + "]" * 5000,
    ],
    ids=["list", "merge", "deep", "documents", "brackets", "braces", "dashes", "keys", "closed"],
)
def test_hostile_files_cost_little(text):
    parse_text("warm: up\n", "f.yaml")
    tracemalloc.start()
    _, diagnostics = parse_text(text, "f.yaml")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [item.rule.code for item in diagnostics] == ["M103"]
    assert peak < 20_000_000


def test_expansion_is_counted_across_documents_and_errors():
    _, diagnostics = parse_text("---\na: [\n---\n".join(laughs(4) for _ in range(10)), "f.yaml")
    codes = [item.rule.code for item in diagnostics]
    assert codes == ["M101"] * (len(codes) - 1) + ["M103"]


def test_findings_of_one_file_are_bounded():
    _, diagnostics = parse_text("a: 1\n" * 5000, "f.yaml")
    assert len(diagnostics) == 100
    _, diagnostics = parse_text("a: [\n---\n" * 5000, "f.yaml")
    assert len(diagnostics) == 100


def test_places_in_large_documents_are_counted_once(monkeypatch):
    text = "m:\n" + "".join(f"  k{n}: [a, {{b: {n}}}]\n" for n in range(500)) + "l: [" + "x, [y], " * 200 + "]\n"
    (document,), _ = parse_text(text, "f.yaml")
    wanted = [("m", f"k{n}", 1, "b") for n in range(500)] + [("l", n) for n in range(400)]
    wanted += [("m", "z"), ("m", 1), ("l", 400), ("l", -1), ("l", "x"), ("l", 0, "x"), (), ("m", "k7", 0, 0)]
    marks = [document.source.place(document.positions[yaml_tree.locate(document.value, path)[0]]) for path in wanted]
    calls = []
    monkeypatch.setattr(yaml_tree, "span", lambda value, inner=yaml_tree.span: calls.append(1) or inner(value))
    assert [document.mark(path) for path in wanted] == marks
    assert document.mark(("m", "k499", 1, "b")) == Mark("f.yaml", 501, 17)
    assert len(calls) < 3 * len(document.positions), "not once through the document for each place"
