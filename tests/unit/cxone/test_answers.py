"""Reading resources and entity tags out of answers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.cxone.answers import Unusable, read_items, read_resource, strong_etag
from reconciler.cxone.message import Answer
from tests.support.cxone import THING


def read(body: object, headers: dict[str, str] | None = None, id_: str | None = None) -> object:
    return read_resource(THING, Answer(200, headers or {}, b"", "r", body), str, id_=id_)


@pytest.mark.parametrize(
    ("text", "etag"),
    [
        ('"abc"', "abc"),
        ("abc", "abc"),
        (' "abc" ', "abc"),
        ('W/"abc"', ""),
        ("W/abc", ""),
        ('""', ""),
        ('"a"b"', ""),
        ('"a b"', ""),
        ('"ü"', ""),
        ('"a\xff"', ""),
        ('"a\r\nX: y"', ""),
        (None, ""),
        (7, ""),
    ],
)
def test_only_a_strong_and_well_formed_tag_is_one(text: object, etag: str) -> None:
    assert strong_etag(text) == etag


@given(st.text(max_size=20))
def test_a_tag_can_always_be_quoted_in_a_header(text: str) -> None:
    assert not set(strong_etag(text)) & set('"\r\n\0 ')


def test_the_header_goes_before_the_body() -> None:
    assert read({"id": "a", "etag": "old"}, {"etag": '"new"'}).etag == "new"
    assert read({"id": "a", "etag": "body"}).etag == "body"
    assert read({"id": "a", "etag": "body"}, {"etag": 'W/"body"'}).etag == ""


def test_a_number_may_be_an_id() -> None:
    assert read({"id": 7}).id == "7"


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ([], "something else than an object"),
        (None, "something else than an object"),
        ({"name": "x"}, "no id"),
        ({"id": ""}, "no id"),
        ({"id": True}, "no id"),
        ({"id": "b"}, "another resource, b"),
        ({"errors": [{"message": "it failed"}]}, "1 error.*it failed"),
        ({"errors": ["it failed", "twice"]}, "2 error.*it failed"),
        ({"code": "LOCKED", "message": "try later"}, "LOCKED: try later"),
    ],
)
def test_what_is_no_resource_is_said(body: object, problem: str) -> None:
    with pytest.raises(Unusable, match=problem):
        read(body, id_="a")


def test_an_envelope_is_opened() -> None:
    assert THING.wire is not None
    wrapped = replace(THING, wire=replace(THING.wire, envelope="thing"))
    answer = Answer(200, {}, b"", "r", {"thing": {"id": "a", "name": "x"}})
    assert read_resource(wrapped, answer, str).name == "x"


def test_a_bad_item_is_named_by_its_place() -> None:
    with pytest.raises(Unusable, match="item 501 has no id"):
        read_items(THING, [{"id": "a"}, {"name": "b"}], 500)
    with pytest.raises(Unusable, match="item 0 is no object"):
        read_items(THING, ["a"], 0)
