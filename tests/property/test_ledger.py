"""Properties of the ledger: every tree reads back as it was, in the same bytes, and damage is an error and nothing else."""

from contextlib import suppress

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.codec import MARKER
from reconciler.core.resource import Entry, Key, Ledger
from reconciler.core.values import Bundle, Secret
from reconciler.engine.state.ledger import ledger_bytes, parse_ledger
from reconciler.engine.state.ledger_text import EntryTexts
from reconciler.errors import LedgerDamaged

TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,6}", fullmatch=True)
KEYS = st.builds(Key, st.sampled_from(["Dataset", "Connector"]), NAMES)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXT,
    st.builds(lambda reference, mark: Secret(reference, fingerprint=mark), TEXT, TEXT),
    st.builds(Bundle, TEXT, st.dictionaries(TEXT, TEXT, max_size=3), TEXT, st.tuples(TEXT), st.integers(0, 2**40)),
)
FIELD_NAMES = st.one_of(TEXT, st.sampled_from([MARKER, "secret", "literal", "bundle"]))
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(FIELD_NAMES, inner, max_size=3)),
    max_leaves=12,
)
ENTRIES = st.builds(
    Entry,
    KEYS,
    TEXT,
    st.dictionaries(FIELD_NAMES, TREES, max_size=4),
    st.lists(KEYS, max_size=2).map(tuple),
    st.booleans(),
    st.booleans(),
)
SALT = "0123456789abcdef" * 2
LEDGERS = st.builds(
    lambda entries, serial, head: Ledger("s", "t", {item.key: item for item in entries}, serial, SALT, audit_head=head),
    st.lists(ENTRIES, max_size=4),
    st.integers(0, 2**53),
    TEXT,
)


@given(LEDGERS)
def test_a_ledger_reads_back_as_it_was(ledger: Ledger) -> None:
    data = ledger_bytes(ledger)
    found = parse_ledger(data)
    assert found == ledger
    assert [entry.fields for entry in found.entries.values()] == [ledger.entries[key].fields for key in found.entries]
    assert ledger_bytes(found) == data


@given(LEDGERS, st.randoms(use_true_random=False))
def test_the_order_of_entries_does_not_matter(ledger: Ledger, random) -> None:
    items = list(ledger.entries.items())
    random.shuffle(items)
    shuffled = Ledger("s", "t", dict(items), ledger.serial, SALT, audit_head=ledger.audit_head)
    assert ledger_bytes(shuffled) == ledger_bytes(ledger)


@given(LEDGERS)
def test_entries_spelled_one_by_one_are_laid_out_as_the_rest(ledger: Ledger) -> None:
    laid_out = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    data = ledger_bytes(ledger)
    assert orjson.dumps(orjson.loads(data), option=laid_out) == data


@given(st.lists(LEDGERS, max_size=3))
def test_texts_that_were_kept_are_those_of_the_entries_as_they_are_now(ledgers: list[Ledger]) -> None:
    texts = EntryTexts()
    for ledger in ledgers + ledgers[::-1]:
        assert ledger_bytes(ledger, texts) == ledger_bytes(ledger)


@given(LEDGERS, st.data())
def test_a_shortened_ledger_is_damaged(ledger: Ledger, data) -> None:
    whole = ledger_bytes(ledger).rstrip()
    with pytest.raises(LedgerDamaged):
        parse_ledger(whole[: data.draw(st.integers(0, len(whole) - 1))])


@given(LEDGERS, st.data())
def test_a_changed_byte_is_another_ledger_or_one_clear_error(ledger: Ledger, data) -> None:
    whole = bytearray(ledger_bytes(ledger))
    whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with suppress(LedgerDamaged):
        parse_ledger(bytes(whole))


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_a_ledger_of_nothing_but_brackets_is_damaged(opening: bytes) -> None:
    with pytest.raises(LedgerDamaged):
        parse_ledger(b'{"format_version": 1, "entries": {"A/b": {"fields": ' + opening * 900 + b"1")
    closing = b"]" if opening == b"[" else b"}"
    with pytest.raises(LedgerDamaged):
        parse_ledger(
            b'{"format_version": 1, "entries": {"A/b": {"fields": ' + opening * 900 + b"1" + closing * 900 + b"}}}"
        )
