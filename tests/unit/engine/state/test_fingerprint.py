"""Fingerprints: the same for the same salt and value, each hashed once, whether begun early or asked for at once."""

from __future__ import annotations

import pytest

from reconciler.engine.state.fingerprint import Fingerprinter, new_salt, provisional_salt


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What was hashed, in any order."""
    seen: list[bytes] = []
    plain = Fingerprinter._hash

    def counting(self: Fingerprinter, data: bytes) -> str:
        seen.append(data)
        return plain(self, data)

    monkeypatch.setattr(Fingerprinter, "_hash", counting)
    return seen


def test_what_was_begun_is_not_hashed_again(hashed: list[bytes]) -> None:
    mark = Fingerprinter("00" * 16)
    first = mark("asked before")
    mark.begin(["asked before", "one", "two", "one"])
    marks = [mark(value) for value in ("one", "two", "one", "late")]
    assert sorted(hashed) == [b"asked before", b"late", b"one", b"two"]
    other = Fingerprinter("00" * 16)
    assert [other(value) for value in ("one", "two", "one", "late")] == marks
    assert len({first, *marks}) == 4


def test_nothing_to_begin_starts_nothing(hashed: list[bytes]) -> None:
    Fingerprinter("00" * 16).begin([])
    assert hashed == []


def test_marks_depend_on_the_salt_and_name_no_value() -> None:
    marks = {Fingerprinter(salt)("value") for salt in (new_salt(), new_salt(), provisional_salt("a", "b"))}
    assert len(marks) == 3
    assert all(len(mark) == 32 and int(mark, 16) >= 0 for mark in marks)


def test_a_value_that_is_no_utf8_has_a_mark() -> None:
    assert len(Fingerprinter("00" * 16)("\udcff")) == 32
