"""Deliveries are believed by their signature and their time, and by nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.jobs.extension_sync.signature import TOLERANCE_SECONDS, Rejected, check_headers, sign, verify

OPENSSL = "sha256=4c78d37c005609b49fb218531a78d4994cb5eaa26a8ba5b9c23e7a0e912488eb"
NOW = 1_790_000_000.0
BODY = b'{"syncJobId":"sync_1_x"}'


def headers(**changes: str) -> dict[str, str]:
    stamp = changes.pop("stamp", "1790000000")
    made = {
        "x-cxone-timestamp": stamp,
        "x-cxone-delivery": "d-1",
        "x-cxone-signature": sign("secret", stamp, BODY),
    }
    return made | changes


def test_the_signature_is_the_contracts() -> None:
    # Computed apart: printf '1790000000.{"syncJobId":"sync_1_x"}' | openssl dgst -sha256 -hmac secret
    assert sign("secret", "1790000000", BODY) == OPENSSL


def test_what_the_secrets_holder_sent_is_taken() -> None:
    delivery = verify("secret", headers(), BODY, NOW)
    assert delivery.id == "d-1"
    assert delivery.mark == headers()["x-cxone-signature"].removeprefix("sha256=")
    assert verify("secret", {**headers(), "x-cxone-delivery": ""}, BODY, NOW).id == ""


@pytest.mark.parametrize("stamp", ["1790000000", "1790000000.5", "2026-09-21T14:13:20Z", "2026-09-21T16:13:20+02:00"])
def test_the_time_may_be_seconds_or_a_date(stamp: str) -> None:
    assert verify("secret", headers(stamp=stamp), BODY, NOW).id == "d-1"


@pytest.mark.parametrize("off", [-TOLERANCE_SECONDS, TOLERANCE_SECONDS])
def test_the_time_may_be_five_minutes_off(off: float) -> None:
    verify("secret", headers(), BODY, NOW + off)
    with pytest.raises(Rejected, match="off"):
        verify("secret", headers(), BODY, NOW + off * 1.01)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"x-cxone-signature": ""}, "has no x-cxone-signature"),
        ({"x-cxone-timestamp": ""}, "has no x-cxone-timestamp"),
        ({"x-cxone-signature": sign("secret", "1790000000", BODY).upper()}, "does not fit"),
        ({"x-cxone-signature": sign("secret", "1790000000", BODY)[7:]}, "does not fit"),
        ({"x-cxone-signature": sign("other", "1790000000", BODY)}, "does not fit"),
        ({"x-cxone-signature": "sha256=äö€"}, "does not fit"),
        ({"x-cxone-timestamp": "1790000001"}, "does not fit"),
        ({"x-cxone-timestamp": "١٧٩٠٠٠٠٠٠٠"}, "is none"),
        ({"x-cxone-timestamp": "2026-09-21T14:13:20"}, "is none"),
        ({"x-cxone-timestamp": "1e9"}, "is none"),
        ({"x-cxone-timestamp": "-1"}, "is none"),
        ({"x-cxone-delivery": "d" * 201}, "too long"),
    ],
)
def test_anything_else_is_refused(changes: dict[str, str], why: str) -> None:
    with pytest.raises(Rejected, match=why):
        verify("secret", headers(**changes), BODY, NOW)


@given(st.binary(max_size=200), st.binary(max_size=200), st.text(min_size=1), st.text(min_size=1))
def test_no_other_body_or_secret_has_the_signature(one: bytes, other: bytes, secret: str, guess: str) -> None:
    signed: dict[str, Any] = {"x-cxone-timestamp": "1790000000", "x-cxone-signature": sign(secret, "1790000000", one)}
    check_headers(signed, NOW)
    verify(secret, signed, one, NOW)
    if other != one:
        with pytest.raises(Rejected):
            verify(secret, signed, other, NOW)
    # HMAC pads keys with zeros to the length of a block (RFC 2104).
    if guess.encode().rstrip(b"\0") != secret.encode().rstrip(b"\0"):
        with pytest.raises(Rejected):
            verify(guess, signed, one, NOW)
