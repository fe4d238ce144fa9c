"""Values: secrets never show themselves, and the small types behave."""

from __future__ import annotations

import copy
import io
import json
import logging
import pickle
import traceback
from dataclasses import asdict

import orjson
import pytest

from reconciler.core.plan import Step
from reconciler.core.values import (
    ABSENT,
    MASKED,
    Bundle,
    Secret,
    Template,
    Unknown,
    unknowns,
    with_changed,
    with_leaves,
)

CANARY = "canary-7f3a"
SECRET = Secret("env:TOKEN", CANARY, "fp")


def test_no_way_of_printing_shows_a_secret() -> None:
    stream = io.StringIO()
    logging.StreamHandler(stream).handle(logging.makeLogRecord({"msg": "%s %r", "args": (SECRET, {"a": [SECRET]})}))
    texts = [
        repr(SECRET),
        str(SECRET),
        f"{SECRET}",
        f"{SECRET!r:>40}",
        f"{SECRET:>40}",
        "%s %r" % (SECRET, SECRET),  # noqa: UP031
        "{} {!r}".format(SECRET, SECRET),  # noqa: UP032
        repr({"a": SECRET}),
        repr(Step("create", {"a": SECRET})),
        str(dir(SECRET)),
        stream.getvalue(),
    ]
    assert all(CANARY not in text for text in texts)
    assert f"{SECRET:>10}|" == "  (secret)|"
    assert str(SECRET) == "(secret)"


@pytest.mark.parametrize(
    "leave",
    [
        pickle.dumps,
        copy.copy,
        copy.deepcopy,
        json.dumps,
        orjson.dumps,
        lambda secret: asdict(Step("create", {"a": secret})),
        lambda secret: json.dumps({"a": secret}),
        vars,
    ],
)
def test_a_secret_is_never_serialised(leave: object) -> None:
    with pytest.raises(TypeError) as caught:
        leave(SECRET)  # type: ignore[operator]
    assert CANARY not in "".join(traceback.format_exception(caught.value))


def test_it_is_told_why_a_secret_cannot_be_copied() -> None:
    with pytest.raises(TypeError, match="a secret is never serialised"):
        copy.copy(SECRET)


def test_a_secret_reveals_itself_only_when_asked() -> None:
    assert SECRET.reveal() == CANARY
    assert SECRET.resolved
    unresolved = Secret("env:TOKEN", fingerprint="fp")
    assert not unresolved.resolved
    with pytest.raises(ValueError, match="env:TOKEN is not resolved"):
        unresolved.reveal()


def test_an_empty_secret_is_a_value() -> None:
    assert Secret("env:EMPTY", "").resolved


def test_secrets_are_compared_by_all_that_is_known() -> None:
    assert Secret("env:TOKEN", CANARY, "fp") == SECRET
    assert hash(SECRET) == hash(Secret("env:TOKEN", CANARY, "fp"))
    assert Secret("env:TOKEN", "other", "fp") != SECRET
    assert Secret("env:OTHER", CANARY, "fp") != SECRET
    assert Secret("env:TOKEN", CANARY) != SECRET
    assert SECRET != CANARY


def test_nothing_and_masks() -> None:
    assert not ABSENT
    assert (repr(ABSENT), repr(MASKED)) == ("ABSENT", "MASKED")
    assert copy.deepcopy({"a": ABSENT, "b": MASKED}) == {"a": ABSENT, "b": MASKED}
    assert copy.deepcopy(MASKED) is MASKED


def test_references_show_as_they_are_written() -> None:
    one = Unknown("DataAction", "x", "id")
    assert str(Template(("https://h/", one, "/e"))) == "https://h/${ref:DataAction/x.id}/e"


def test_unknowns_are_found_everywhere_in_order() -> None:
    one, two, three = (Unknown("K", name, "id") for name in "abc")
    tree = {"x": [two, {"y": Template(("t", three))}], "z": one, "plain": 1}
    assert unknowns(tree) == [two, three, one]


def test_a_bundle_is_its_digest() -> None:
    assert Bundle("aa", {"f": "1"}, "code") == Bundle("aa")
    assert len({Bundle("aa", {"f": "1"}), Bundle("aa"), Bundle("bb")}) == 2


def test_what_holds_no_leaf_that_changes_is_given_back_itself() -> None:
    tree = {"a": [1, "x", None, {"b": [True, 2.5, []]}], "c": {}, "d": Unknown("Widget", "w", "id")}
    assert with_leaves(tree, lambda leaf: leaf) is tree
    assert with_leaves("text", lambda _: "replaced") == "text"


def test_leaves_are_replaced_and_only_what_is_around_them_is_copied() -> None:
    tree = {"kept": {"x": [1]}, "list": [{"deep": SECRET}, "y"], "leaf": MASKED}
    before = copy.copy(tree["list"])
    found = with_leaves(tree, lambda leaf: "shown" if leaf is MASKED else leaf.reference)
    assert found == {"kept": {"x": [1]}, "list": [{"deep": "env:TOKEN"}, "y"], "leaf": "shown"}
    assert list(found) == list(tree)
    assert found["kept"] is tree["kept"]
    assert tree["list"] == before
    assert tree["leaf"] is MASKED
    assert with_leaves(MASKED, lambda _: "alone") == "alone"


def test_plain_items_are_not_asked_about() -> None:
    asked: list[object] = []
    value = [1, "x", 2.5, False, None, {"a": 1}, []]
    assert with_changed(value, lambda item: asked.append(item) or item) is value
    assert asked == [{"a": 1}, []]
