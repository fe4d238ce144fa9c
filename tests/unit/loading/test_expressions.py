import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.loading.expressions import Expression, MalformedExpression, split


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ("",)),
        ("plain $ and {braces}", ("plain $ and {braces}",)),
        ("${var:region}", (Expression("var", "region"),)),
        ("a-${var:r}-b", ("a-", Expression("var", "r"), "-b")),
        ("${env:A}${env:B}", (Expression("env", "A"), Expression("env", "B"))),
        ("$${var:x}", ("${var:x}",)),
        ("a$${b}${var:c}$${", ("a${b}", Expression("var", "c"), "${")),
        ("${secret:vault:kv/crm#key}", (Expression("secret", "vault:kv/crm#key"),)),
        ("${ref:DataAction/enrich.id}", (Expression("ref", "DataAction/enrich.id"),)),
        ("${file:a b/c.txt}", (Expression("file", "a b/c.txt"),)),
    ],
)
def test_splits_text_and_expressions(text, parts):
    assert split(text) == parts


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("${var:x", "not closed"),
        ("${x}", "no known expression"),
        ("${}", "no known expression"),
        ("${vra:x}", "no `vra` expression"),
        ("${var:}", "malformed"),
        ("${var:a b}", "malformed"),
        ("${env:1A}", "malformed"),
        ("${ref:DataAction/x}", "malformed"),
        ("${ref:x.id}", "malformed"),
        ("${secret:env}", "malformed"),
        ("${file: a}", "malformed"),
    ],
)
def test_refuses_what_is_no_expression(text, says):
    with pytest.raises(MalformedExpression, match=says) as caught:
        split(text)
    assert caught.value.fix


def test_suggests_the_scheme_that_was_meant():
    with pytest.raises(MalformedExpression) as caught:
        split("${evn:HOME}")
    assert caught.value.fix == "did you mean `${env:HOME}`?"


def test_a_reference_has_kind_name_and_field():
    (part,) = split("${ref:DataAction/enrich-caller.id}")
    assert part.reference == ("DataAction", "enrich-caller", "id")


@given(st.text(alphabet="${}a:"))
def test_escaped_text_comes_back_as_it_was(text):
    assert "".join(split(text.replace("${", "$${"))) == text


@given(st.lists(st.sampled_from(["${var:a}", "x", "$${", "$", "{", "}"])))
def test_parts_put_together_are_the_text(pieces):
    text = "".join(pieces)
    try:
        parts = split(text)
    except MalformedExpression:
        return
    written = "".join(part.text if isinstance(part, Expression) else part.replace("${", "$${") for part in parts)
    assert split(written) == parts
