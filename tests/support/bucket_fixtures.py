"""A server of buckets for all tests of a worker, and a bucket for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.bucket import Bucket, BucketServer, bucket_server


@pytest.fixture(scope="session")
def buckets() -> Iterator[BucketServer]:
    with bucket_server() as running:
        yield running


@pytest.fixture
def bucket(buckets: BucketServer) -> Iterator[Bucket]:
    made = buckets.bucket()
    try:
        yield made
    finally:
        made.heal()
