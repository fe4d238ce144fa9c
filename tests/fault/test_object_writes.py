"""Conditional writes to a bucket whose answers are lost, refused or spoilt: their outcome is known in the end."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reconciler.engine.state import object_log
from reconciler.engine.state.store import open_store
from reconciler.errors import InvalidProject, LedgerConflict, LedgerDamaged, StorageError
from tests.support.bucket import SECRET, Bucket

LOG = "journal.ndjson"


@pytest.mark.parametrize("effect", [{"drop": "after"}, {"drop": "before"}, {"status": 503, "code": "SlowDown"}])
def test_a_write_whose_answer_was_lost_is_done_once_and_no_conflict(bucket: Bucket, effect: dict[str, object]) -> None:
    store = bucket.store()
    bucket.fault("PUT", "ledger.json", 1, **effect)
    first = store.write("ledger.json", b"one", None)
    bucket.fault("PUT", "ledger.json", 1, **effect)
    second = store.write("ledger.json", b"two", first)
    bucket.heal()
    blob = bucket.store().read("ledger.json")
    assert blob is not None
    assert (blob.data, blob.version) == (b"two", second)
    store.write("ledger.json", b"three", second)


def test_of_two_writers_with_the_same_bytes_only_one_is_told_that_it_wrote(bucket: Bucket) -> None:
    version = bucket.store().write("ledger.json", b"one", None)
    bucket.store().write("ledger.json", b"two", version)
    bucket.fault("PUT", "ledger.json", 1, drop="before")
    with pytest.raises(LedgerConflict):
        bucket.store().write("ledger.json", b"two", version)


def test_a_conflict_behind_a_lost_answer_is_a_conflict(bucket: Bucket) -> None:
    store = bucket.store()
    version = store.write("ledger.json", b"one", None)
    bucket.put("ledger.json", b"somebody else's")
    bucket.fault("PUT", "ledger.json", 1, drop="after")
    with pytest.raises(LedgerConflict):
        store.write("ledger.json", b"two", version)
    assert bucket.get("ledger.json") == b"somebody else's"


def test_a_write_that_was_carried_out_and_replaced_before_anybody_was_told_was_carried_out(bucket: Bucket) -> None:
    ours, theirs = bucket.store(), bucket.store()
    version = ours.write("ledger.json", b"one", None)
    bucket.fault("PUT", "ledger.json", 1, drop="after", hold=True)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(ours.write, "ledger.json", b"two", version)
        while (blob := theirs.read("ledger.json")) is None or blob.data != b"two":
            pass
        theirs.write("ledger.json", b"three", blob.version)
        bucket.heal()
        written = answer.result(60)
    assert bucket.get("ledger.json") == b"three"
    with pytest.raises(LedgerConflict):
        ours.write("ledger.json", b"four", written)


def test_two_writes_at_once_that_were_both_refused_are_tried_again(bucket: Bucket) -> None:
    bucket.fault("PUT", "ledger.json", 1, status=409, code="ConditionalRequestConflict")
    bucket.store().write("ledger.json", b"one", None)
    assert bucket.get("ledger.json") == b"one"


@pytest.mark.parametrize("effect", [{"drop": "after"}, {"drop": "before"}, {"status": 500}])
def test_an_append_whose_answer_was_lost_is_in_the_log_once(bucket: Bucket, effect: dict[str, object]) -> None:
    store = bucket.store()
    store.append(LOG, b"a\n")
    bucket.fault("PUT", f"log/{LOG}/*", 1, **effect)
    store.append(LOG, b"b\n")
    store.append(LOG, b"c\n")
    assert store.read_log(LOG) == b"a\nb\nc\n"


def test_a_write_that_nobody_answers_is_given_up(bucket: Bucket) -> None:
    bucket.fault("PUT", "ledger.json", drop="before")
    objects = bucket.store().objects
    with pytest.raises(StorageError, match="cannot be reached"):
        objects.put("ledger.json", b"one", None, patience=0.3)
    bucket.heal()
    assert objects.get("ledger.json") is None


def test_a_log_that_somebody_else_went_on_with_takes_nothing_more_from_us(bucket: Bucket) -> None:
    ours, other = bucket.store(), bucket.store()
    ours.append(LOG, b"ours\n")
    other.append(LOG, b"theirs\n")
    with pytest.raises(LedgerConflict, match="continued by another command"):
        ours.append(LOG, b"lost\n")
    assert other.read_log(LOG) == b"ours\ntheirs\n"


class TestCompaction:
    """Many small objects become one, at no moment seen by halves."""

    @pytest.fixture(autouse=True)
    def _soon(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(object_log, "MOST_PIECES", 4)

    def test_the_number_of_objects_is_bounded_and_nothing_is_lost(self, bucket: Bucket) -> None:
        store, most = bucket.store(), 0
        for number in range(40):
            store.append(LOG, b"%d\n" % number)
            most = max(most, len(bucket.listed()))
        assert most <= 7
        assert store.read_log(LOG) == b"".join(b"%d\n" % number for number in range(40))
        assert bucket.store().read_end(LOG, 3) == b"39\n"

    @pytest.mark.parametrize("drop", ["after", "before"])
    @pytest.mark.parametrize("again", [False, True], ids=["same-process", "another-process"])
    def test_lost_answers_on_the_way_change_nothing(self, bucket: Bucket, drop: str, again: bool) -> None:
        store = bucket.store()
        for number in range(12):
            bucket.fault("*", f"log/{LOG}/*00000000", 1, drop=drop)
            (bucket.store() if again else store).append(LOG, b"%d\n" % number)
        assert store.read_log(LOG) == b"".join(b"%d\n" % number for number in range(12))

    def test_what_could_not_be_removed_means_nothing(self, bucket: Bucket) -> None:
        store = bucket.store()
        bucket.fault("POST", "", status=403, code="AccessDenied")
        for number in range(8):
            store.append(LOG, b"%d\n" % number)
        kept = len(bucket.listed())
        bucket.heal()
        assert kept > 5
        assert bucket.store().read_log(LOG) == b"".join(b"%d\n" % number for number in range(8))
        store.rewrite_log(LOG, b"anew\n")
        assert len(bucket.listed()) == 1
        assert bucket.store().read_log(LOG) == b"anew\n"

    def test_a_reader_whose_pieces_go_away_under_it_lists_again(self, bucket: Bucket) -> None:
        store = bucket.store()
        store.append(LOG, b"a\n")
        store.append(LOG, b"b\n")
        bucket.fault("GET", f"log/{LOG}/*", 1, status=404, code="NoSuchKey")
        assert bucket.store().read_log(LOG) == b"a\nb\n"
        bucket.fault("GET", f"log/{LOG}/*", status=404, code="NoSuchKey")
        with pytest.raises(StorageError, match="keeps changing"):
            bucket.store().read_log(LOG)


def test_a_log_with_a_hole_is_damaged_and_not_read(bucket: Bucket) -> None:
    store = bucket.store()
    for number in range(3):
        store.append(LOG, b"%d\n" % number)
    bucket.delete(f"log/{LOG}/00001/000001/00000001")
    with pytest.raises(LedgerDamaged, match="missing"):
        bucket.store().read_log(LOG)


FAULTS = [
    (403, "AccessDenied", "access is denied", "s3:GetObject"),
    (403, "InvalidAccessKeyId", "credentials are refused", "renew"),
    (403, "SignatureDoesNotMatch", "credentials are refused", "renew"),
    (400, "ExpiredToken", "credentials are refused", "renew"),
    (403, "RequestTimeTooSkewed", "clock", "set the clock"),
    (404, "NoSuchBucket", "no bucket", "create it"),
    (301, "PermanentRedirect", "another region", "AWS_REGION"),
    (400, "AuthorizationHeaderMalformed", "another region", "AWS_REGION=eu-west-1"),
    (501, "NotImplemented", "conditional writes", "use a store"),
    (400, "Strange", "refuses it (status 400, Strange)", "AWS_ENDPOINT_URL"),
]


@pytest.mark.parametrize(("status", "code", "words", "fix"), FAULTS)
def test_each_refusal_says_what_to_do_and_gives_no_credential_away(
    bucket: Bucket, status: int, code: str, words: str, fix: str
) -> None:
    store = bucket.store()
    bucket.fault("*", "ledger.json", status=status, code=code)
    for attempt in (lambda: store.read("ledger.json"), lambda: store.write("ledger.json", b"x", None)):
        with pytest.raises(StorageError) as caught:
            attempt()
        assert words in caught.value.message
        assert fix in caught.value.fix
        assert f"s3://{bucket.name}/cxone/prod/ledger.json" in caught.value.message
        assert SECRET not in caught.value.message + caught.value.fix
        assert "http" not in caught.value.message


def test_a_bucket_that_is_not_there_is_named(bucket: Bucket) -> None:
    store = bucket.store("s3://nobody-has-this/cxone")
    for attempt in (
        lambda: store.read("ledger.json"),
        lambda: store.write("ledger.json", b"x", None),
        lambda: store.append(LOG, b"x"),
        lambda: store.lease("ada@host", "apply", 0).__enter__(),
    ):
        with pytest.raises(StorageError, match="no bucket nobody-has-this"):
            attempt()


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "cannot be reached"),
        ({"AWS_ENDPOINT_URL": "http://storage.example:9000"}, "plain http to storage.example"),
        ({"AWS_ENDPOINT_URL_S3": "http://10.0.0.1:9000"}, "AWS_ENDPOINT_URL_S3 is plain http"),
        ({"AWS_CA_BUNDLE": "/nowhere/ca.pem"}, "AWS_CA_BUNDLE cannot be read"),
        ({"AWS_ENDPOINT_URL": "nonsense"}, "not a URL that can be used"),
        ({"AWS_ENDPOINT_URL": "https://host:port"}, "not a URL that can be used"),
        ({"AWS_REGION": "eu west"}, "AWS_REGION is not a region"),
    ],
)
def test_an_endpoint_that_is_wrong(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], words: str
) -> None:
    for name, value in {**bucket.environ, **environ}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(StorageError) as caught:
        open_store(bucket.url, tmp_path, "prod").read("ledger.json")
    assert words in caught.value.message
    assert caught.value.fix


def test_no_credentials_at_all(bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", bucket.server.url)
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(StorageError, match="no AWS credentials") as caught:
        open_store(bucket.url, tmp_path, "prod").read("ledger.json")
    assert "AWS_ACCESS_KEY_ID" in caught.value.fix


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("s3://key:hidden@bucket/prefix", "holds credentials"),
        ("s3:///prefix", "names no S3 bucket"),
        ("s3:bucket", "names no S3 bucket"),
        ("s3://UPPER/prefix", "names no S3 bucket"),
        ("s3://bucket/a/../b", "plain letters"),
        ("s3://bucket/a//b", "plain letters"),
        ("s3://bucket/a b", "plain letters"),
        ("s3://bucket/a?lease=1", "lease that is not"),
        ("s3://bucket/a?lease=x", "lease that is not"),
        ("s3://bucket/a?leese=60", "leese"),
        ("s3://bucket/a?lease", "not an s3:// URL"),
        ("s3://bucket/a#b", "names no S3 bucket"),
        ("s3://[bucket/a", "not an s3:// URL"),
    ],
)
def test_a_url_that_is_wrong_is_never_shown(tmp_path: Path, url: str, words: str) -> None:
    with pytest.raises(InvalidProject) as caught:
        open_store(url, tmp_path, "prod")
    assert words in caught.value.message
    assert "hidden" not in caught.value.message
    assert "s3://bucket/prod" in caught.value.fix


def test_without_the_library_the_extra_is_named() -> None:
    code = """
import sys
from pathlib import Path
sys.modules["obstore"] = None
from reconciler.engine.state.store import open_store
from reconciler.errors import ExtraMissing
try:
    open_store("s3://bucket/prefix", Path(), "prod")
except ExtraMissing as error:
    print(error.fix)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout == "pip install 'reconciler[s3]'\n"
