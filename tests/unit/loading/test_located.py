from reconciler.core.diagnostic import Mark
from reconciler.core.mergepatch import apply_patch
from reconciler.loading.findings import Findings
from reconciler.loading.located import Patched
from reconciler.loading.rules import WRONG_TYPE
from reconciler.loading.yaml import parse_text

BASE = "kind: K\nspec:\n  a: {b: 1, c: 2}\n  list: [1, 2]\n  keep: x\n"
PATCH = "kind: K\nspec:\n  a: {c: 3}\n  list: [9]\n  new: {deep: 1}\n  keep: null\n"


def patched():
    (base,), _ = parse_text(BASE, "base.yaml")
    (patch,), _ = parse_text(PATCH, "patch.yaml")
    return Patched(base, (patch,), apply_patch(base.value, patch.value))


def test_each_value_is_found_in_the_file_that_gave_it():
    both = patched()
    assert both.value["spec"] == {"a": {"b": 1, "c": 3}, "list": [9], "new": {"deep": 1}}
    assert str(both.mark(("spec", "a", "b"))) == "base.yaml:3:10"
    assert str(both.mark(("spec", "a", "c"))) == "patch.yaml:3:10"
    assert str(both.mark(("spec", "a", "c"), key=True)) == "patch.yaml:3:7"
    assert both.mark(("spec", "a")).file == "base.yaml"
    assert str(both.mark(("spec", "list", 0))) == "patch.yaml:4:10"
    assert both.mark(("spec", "new")).file == "patch.yaml"
    assert both.mark(("spec", "new", "deep")).file == "patch.yaml"
    assert both.mark(("spec", "nothing")).file == "base.yaml"
    assert (both.file, both.index) == ("base.yaml", 0)


def test_excerpts_come_from_the_file_of_the_mark():
    both = patched()
    assert both.excerpt(both.mark(("spec", "a", "c"))).startswith("  a: {c: 3}")
    assert both.excerpt(both.mark(("spec", "a", "b"))).startswith("  a: {b: 1, c: 2}")
    assert both.excerpt(Mark("other.yaml", 1, 1)) == ""


def test_a_hidden_value_is_in_no_excerpt_of_its_line():
    (document,), _ = parse_text("a: {first: x, hush: canary, last: y}\n", "a.yaml")
    findings = Findings()
    findings.add(WRONG_TYPE, "one", document, ("a", "first"))
    findings.add(WRONG_TYPE, "two", document, ("a", "last"))
    findings.hide(document, ("a", "hush"))
    found = findings.finish()
    assert [item.message for item in found] == ["one", "two"]
    assert [item.excerpt.splitlines()[0] for item in found] == ["a: {first: x, hush: …"] * 2


def test_a_hidden_value_is_hidden_in_a_long_line_that_is_cut_too():
    text = "a: {" + "x" * 200 + ": 1, hush: canary, " + "y" * 200 + ": 2}\n"
    (document,), _ = parse_text(text, "a.yaml")
    findings = Findings()
    findings.hide(document, ("a", "hush"))
    findings.add(WRONG_TYPE, "one", document, ("a", "hush"))
    findings.add(WRONG_TYPE, "two", document, ("a", "y" * 200))
    assert all("canary" not in item.excerpt and item.excerpt for item in findings.finish())


def test_findings_come_once_and_in_the_order_of_their_places():
    (document,), _ = parse_text("a: 1\nb: 2\n", "a.yaml")
    findings = Findings()
    for key in "bab":
        findings.add(WRONG_TYPE, f"about {key}", document, (key,))
    assert [item.message for item in findings.finish()] == ["about a", "about b"]
    assert findings.failed
