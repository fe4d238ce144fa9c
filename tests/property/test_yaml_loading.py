"""Loading, against another reader of YAML, against the text itself, and against anything at all."""

import json
import re

from hypothesis import assume, example, given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from reconciler.loading.yaml import ParseCache, load_files, parse_text
from reconciler.loading.yaml_document import Document
from tests.support.yaml_texts import yaml_texts

TEXTS = yaml_texts()
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufeff"), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufeff"), max_size=10),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


def paths(value, prefix=()):
    yield prefix, value
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in children:
        yield from paths(item, (*prefix, key))


@given(VALUES)
def test_json_is_yaml(value):
    for text in (json.dumps(value), json.dumps(value, indent=2, ensure_ascii=False)):
        escaped = re.sub(r"\\ud[89ab]..\\ud[c-f]..", lambda found: json.loads(f'"{found.group()}"'), text)
        (document,), diagnostics = parse_text(escaped, "f.yaml")
        assert not diagnostics
        assert repr(document.value) == repr(value)


@given(TEXTS)
def test_the_same_values_as_another_reader(text):
    documents, diagnostics = parse_text(text, "f.yaml")
    assume(not diagnostics)
    try:
        expected = list(YAML(typ="safe", pure=True).load_all(text))
    except YAMLError:
        # It refuses some of what YAML allows, such as a key before an alias; what it reads, it reads rightly.
        assume(False)
    found = {document.index: document.value for document in documents}
    assert len(expected) >= len(found)
    assert [repr(found.get(number)) for number in range(len(expected))] == [repr(value) for value in expected]


@given(TEXTS)
def test_marks_lead_to_where_values_and_keys_stand(text):
    documents, _ = parse_text(text, "f.yaml")
    lines = re.split(r"\r\n|\n", text)
    for document in documents:
        for path, value in paths(document.value):
            place = document.mark(path)
            at_value = lines[place.line - 1][place.column - 1 :]
            if isinstance(value, str) and value.startswith("word") and document.literal(path):
                assert re.sub(r"^&\w+ +", "", at_value).startswith(value)
            if path and isinstance(path[-1], str) and document.literal(path):
                key = document.mark(path, key=True)
                assert lines[key.line - 1][key.column - 1 :].lstrip("\"'").startswith(path[-1])
            if not document.literal(path) and document.literal(path[:-1]):
                assert at_value.startswith("*")


@given(TEXTS)
def test_a_path_that_does_not_exist_leads_to_what_encloses_it(text):
    documents, _ = parse_text(text, "f.yaml")
    for document in documents:
        for path, _ in paths(document.value):
            for part in ("missing", 99):
                assert document.mark((*path, part)) == document.mark(path)
                assert document.mark((*path, part), key=True) == document.mark(path)
                assert document.literal((*path, part)) == document.literal(path)


@given(TEXTS, st.data())
def test_damage_is_found_and_never_an_exception(text, data):
    place = data.draw(st.integers(0, len(text)))
    damage = data.draw(
        st.sampled_from(["", "\t", ": ", "- ", "#", "&a ", "*a", "[", "}", '"', "|", "---\n", "!x ", "%", "\0", "<<: "])
    )
    check(text[:place] + damage + text[place + data.draw(st.integers(0, 3)) :])


@given(st.text(st.sampled_from(" \n\t:-#'\"[]{},&*!|>%@`?~<=.0123x\r\ufeff\x85\ud800\0é"), max_size=60))
@example("{a: b:c, \uf8ff?: 1}")
@example("? [a: *b]\n: &b [b?c]")
def test_any_text_is_read_or_refused(text):
    check(text)


@given(st.binary(max_size=60))
@example(b"\xff\xfe")
@example(b"\xff\xfe\x00\x00")
@example(b"\xef\xbb\xbf")
@example(b"\xfe\xff\xd8\x00")
def test_any_bytes_are_read_or_refused(content):
    check(content)


def check(content):
    """The same findings twice, each with a place inside the text."""
    documents, diagnostics = parse_text(content, "f.yaml")
    again = parse_text(content, "f.yaml")
    assert ([repr(item.value) for item in again[0]], again[1]) == (
        [repr(item.value) for item in documents],
        diagnostics,
    )
    text = content if isinstance(content, str) else content.decode("utf-8", "replace")
    lines = len(re.findall(r"\r\n|\r|\n", text)) + 1
    for item in diagnostics:
        for mark in (item.mark, *(mark for _, mark in item.related)):
            assert 1 <= mark.line <= lines
            assert mark.column >= 1
        assert item.message
        assert item.fix
        assert len(item.excerpt.split("\n")) == 2
    for document in documents:
        assert all(document.mark(path) for path, _ in paths(document.value))
        json.dumps(document.value, allow_nan=False)


@given(st.lists(TEXTS, min_size=1, max_size=3))
def test_the_cache_changes_nothing(tmp_path_factory, texts):
    root = tmp_path_factory.mktemp("project")
    for number, text in enumerate(texts):
        (root / f"{number}.yaml").write_bytes(text.encode())
    files = list(root.glob("*.yaml"))
    cold, diagnostics = load_files(files, root, ParseCache(root / "cache"))
    ParseCache(root / "cache").store(cold)
    cache = ParseCache(root / "cache")
    warm, again = load_files(files, root, cache)
    assert again == diagnostics
    assert [shown(item) for item in warm] == [shown(item) for item in cold]
    faulty = {item.mark.file for item in diagnostics}
    assert len(cache) == len(
        {text for number, text in enumerate(texts) if f"{number}.yaml" not in faulty} & holding(cold, texts)
    )


def holding(documents, texts):
    """The texts that hold any document."""
    return {texts[int(item.file.removesuffix(".yaml"))] for item in documents}


def shown(document: Document):
    places = [
        (document.mark(path), document.mark(path, key=True), document.literal(path))
        for path, _ in paths(document.value)
    ]
    return document.file, document.index, repr(document.value), places, document.excerpt(document.mark(()))
