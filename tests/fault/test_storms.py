"""Every storm over the command line: the exit code of the documentation, one message that says what to do, no traceback.

Storms over a listing leave nothing planned, storms over writes leave no more than was asked for, and what is over soon is not
noticed at all. Time passes at once: nobody waits for a ``Retry-After``.
"""

from __future__ import annotations

import asyncio
import gzip
import re
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.support.cxone import FakeTime, Request, answer, token
from tests.support.emulator import RunningEmulator, running_emulator
from tests.support.hostile_values import unprintable
from tests.support.project import Project, Ran
from tests.support.raw_server import raw_server
from tests.support.storm import Passed, Spoil, Storm, is_listing, is_token, is_write, storm_before
from tests.support.tenant_project import DATASETS, Setting, dataset

HTML = {"content-type": "text/html"}
LATER = "Sat, 01 Jan 2033 00:00:00 GMT"
PAST = "Fri, 01 Jan 1999 00:00:00 GMT"


def says(content: bytes | None) -> Spoil:
    """Always the same answer; None cuts the connection off."""

    async def spoil(_: Request, __: Passed) -> bytes | None:
        return content

    return spoil


def limited(status: int, retry_after: str | None = None) -> Spoil:
    body = {"code": "RATE_LIMITED" if status == 429 else "DOWN", "message": "not now"}
    return says(answer(status, body, {} if retry_after is None else {"retry-after": retry_after}))


async def hang(_: Request, __: Passed) -> bytes | None:
    await asyncio.Event().wait()
    return None


async def cut_short(request: Request, passed: Passed) -> bytes | None:
    head, _, body = (await passed(request)).partition(b"\r\n\r\n")
    return head + b"\r\nconnection: close\r\n\r\n" + body[: len(body) // 2]


async def garble(request: Request, passed: Passed) -> bytes | None:
    head, _, body = (await passed(request)).partition(b"\r\n\r\n")
    return head + b"\r\n\r\n" + b"\xff" + body[1:]


def page(**changes: Any) -> Spoil:
    body = {"items": [], "page": 1, "pageSize": 100, "total": 0, "nextPage": None, **changes}
    return says(answer(200, body))


@dataclass(frozen=True)
class Row:
    """A storm, and what is said of it over listings and over writes (a regular expression each), with the exit code.

    A write's ``sure`` says whether it is known that nothing was carried out; where it ``arrives`` all the same, that is found out.
    ``passes``: a storm that others try again after.
    """

    name: str
    spoil: Spoil
    listing: str
    write: str = ""
    code: int = 1
    sure: bool = True
    arrives: bool = False
    passes: bool = False


LIMITED = r"error\[H008\].*429"
UNKNOWN = r"H002"
ROWS = (
    Row("429", limited(429), LIMITED, "H008", passes=True),
    Row("429 seconds", limited(429, "7"), LIMITED, "H008", passes=True),
    Row("429 date", limited(429, PAST), LIMITED, "H008", passes=True),
    Row("429 far date", limited(429, LATER), r"asks to wait \d+ s, longer than the 300 s", "asks to wait"),
    Row("429 negative", limited(429, "-1"), LIMITED, "H008", passes=True),
    Row("429 huge", limited(429, "1000000000"), "asks to wait 1000000000 s", "asks to wait"),
    Row("429 endless", limited(429, "9" * 400), r"error\[H008\].*asks to wait", "asks to wait"),
    Row("429 exponent", limited(429, "1e9"), LIMITED, "H008", passes=True),
    Row("429 garbage", limited(429, "\u00b2 soon"), LIMITED, "H008", passes=True),
    Row("500", limited(500), r"error\[H009\].*500", UNKNOWN, sure=False, passes=True),
    Row("502", says(answer(502, b"<html>bad gateway", HTML)), r"H009.*HTML page", UNKNOWN, sure=False, passes=True),
    Row("503", limited(503), r"error\[H009\].*503", UNKNOWN, sure=False, passes=True),
    Row("503 seconds", limited(503, "3"), r"H009.*503", "H009", sure=False, passes=True),
    Row("503 absurd", limited(503, "86400"), "asks to wait 86400 s", "asks to wait", sure=False),
    Row("reset", says(None), r"error\[H0\d\d\].*after 5 attempts", UNKNOWN, sure=False, passes=True),
    Row("truncated", cut_short, "before its answer was whole", arrives=True, passes=True),
    Row("malformed", garble, r"error\[H003\].*JSON", arrives=True, passes=True),
    Row("not HTTP", says(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), "no HTTP/1.1", UNKNOWN, sure=False, passes=True),
    Row("a list", says(answer(200, [])), "no object", UNKNOWN, sure=False),
    Row("a text", says(answer(200, "ok")), "no object", UNKNOWN, sure=False),
    Row("null", says(answer(200, b"null")), "no object", UNKNOWN, sure=False),
    Row("empty", says(answer(200, b"")), "H003", UNKNOWN, sure=False),
    Row("items of a wrong type", page(items={}), "items is no array", UNKNOWN, sure=False),
    Row("a total of a wrong type", page(total="many"), "total is no count", UNKNOWN, sure=False),
    Row("an id of a wrong type", page(items=[{"id": 7.5, "name": "x"}], total=1), "has no id", UNKNOWN, sure=False),
    Row(
        "a name of a wrong type", page(items=[{"id": "a", "name": ["x"]}], total=1), r"H003.*name", UNKNOWN, sure=False
    ),
    Row("an error inside", says(answer(200, {"code": "LOCKED", "message": "no"})), "LOCKED: no", UNKNOWN, sure=False),
    Row("a proxy's page", says(answer(200, b"<!doctype html><p>Log in", HTML)), "HTML page", UNKNOWN, sure=False),
    Row("a firewall's page", says(answer(403, b"<html>blocked", HTML)), "HTML page", "HTML page"),
    Row("hanging", hang, "no answer came in time", UNKNOWN, sure=False, passes=True),
    Row(
        "refused", says(answer(401, {"code": "UNAUTHORIZED", "message": "token revoked"})), r"A001.*401", "A001", code=3
    ),
)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.cxone.client.Timing", lambda: FakeTime(epoch=1_900_000_000.0).timing)


@pytest.fixture(scope="module")
def weather() -> Iterator[tuple[RunningEmulator, Storm]]:
    with running_emulator(page_size=2) as emulator, storm_before(emulator.url) as storm:
        yield emulator, storm


@dataclass
class Place:
    """A project behind a storm; one table is live as declared, another is to be created."""

    setting: Setting
    storm: Storm

    @property
    def project(self) -> Project:
        return self.setting.project


@pytest.fixture
def place(weather: tuple[RunningEmulator, Storm], tmp_path: Path) -> Place:
    emulator, storm = weather
    storm.end()
    emulator.control("POST", "reset")
    project = Project.create(tmp_path / "project", url=storm.url, target={"timeoutSeconds": 0.4})
    project.put("all.yaml", dataset("here"))
    project.apply()
    project.put("more.yaml", dataset("new"))
    storm.seen.clear()
    return Place(Setting(project, emulator), storm)


def clear(ran: Ran, code: int, message: str) -> Ran:
    """The command ended as documented, with one error in words and what to do about it."""
    assert (ran.code, ran.trace) == (code, ""), ran.all
    told = ran.err.replace("\n", " ")
    assert re.search(message, told), ran.err
    assert ran.err.count("error[") == 1, ran.err
    assert "help: " in ran.err
    assert not unprintable(ran.err)
    return ran


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_over_a_listing(place: Place, row: Row) -> None:
    """Nothing is planned and nothing sent, by ``plan`` nor by ``apply``."""
    before = place.setting.mark
    place.storm.begin(is_listing, row.spoil)
    planned = clear(place.project.run("plan", "--out", "plan.json", "--format", "json"), row.code, row.listing)
    assert planned.out == ""
    assert not (place.project.root / "plan.json").exists()
    ran = clear(place.project.run("apply", "--yes"), row.code, row.listing)
    assert "to create" not in ran.out
    assert place.setting.writes(before) == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_over_a_write(place: Place, row: Row) -> None:
    """It is said whether the write may have arrived; once the weather is fine, the next apply ends with one table of each name."""
    place.storm.begin(is_write, row.spoil)
    ran = place.project.run("apply", "--yes")
    assert (ran.code, ran.trace) == (0 if row.arrives else row.code, ""), ran.all
    assert re.search(row.write, ran.out + ran.err), ran.all
    place.storm.end()
    place.project.run("apply", "--yes", *([] if row.sure else ["--resume"])).ok()
    place.project.apply()
    assert sorted(place.setting.live("Dataset")) == ["here", "new"]
    place.project.converged()


@pytest.mark.parametrize("row", [row for row in ROWS if row.passes], ids=lambda row: row.name)
@pytest.mark.parametrize("where", [is_token, is_listing], ids=["token", "listing"])
def test_what_is_over_soon_is_not_noticed(place: Place, row: Row, where: Callable[[Request], bool]) -> None:
    place.storm.begin(where, row.spoil, times=2)
    assert place.project.plan()["summary"].startswith("1 to create")
    assert place.storm.spoilt == 2


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_over_the_token_endpoint(place: Place, row: Row) -> None:
    """Nothing is asked without a token; 3 where the answer is a refusal or no token, else 1."""
    place.storm.begin(is_token, row.spoil)
    for arguments in (["plan"], ["apply", "--yes"]):
        ran = place.project.run(*arguments)
        assert ran.trace == ""
        assert ran.code in (1, 3), ran.all
        clear(ran, ran.code, r"error\[(A001|H0\d\d)\].*/oauth/token|error\[A00[12]\]")
        assert ran.out == ""
    assert {request.target for request in place.storm.seen} == {"/oauth/token"}


def test_a_page_in_the_middle(place: Place) -> None:
    """Page 3 of a collection fails for good: the others are not half a tenant."""
    for number in range(6):
        place.setting.create(DATASETS, {**dataset("x")["spec"], "name": f"t{number}"})
    before = place.setting.mark

    async def spoil(request: Request, passed: Passed) -> bytes | None:
        if "page=3&" in request.target and request.target.startswith(DATASETS):
            failed.append(request.target)
            return answer(500)
        return await passed(replace(request, target=request.target.replace("pageSize=500", "pageSize=2")))

    failed: list[str] = []
    place.storm.begin(is_listing, spoil)
    for arguments in (["plan", "--format", "json"], ["apply", "--yes", "--prune"], ["drift", "--format", "json"]):
        assert clear(place.project.run(*arguments), 1, r"H009.*page=3").out == ""
    assert len(failed) == 15
    assert place.setting.writes(before) == []


@pytest.mark.parametrize("how", ["expired", "revoked"])
def test_a_token_that_ends_in_the_middle(place: Place, how: str) -> None:
    """After the plan the server takes no token but new ones: one more is asked for, and everything arrives once."""
    old: set[str] = set()

    async def spoil(request: Request, passed: Passed) -> bytes | None:
        bearer = request.headers["authorization"]
        if is_listing(request) or bearer in old:
            old.add(bearer)
        if is_write(request) and bearer in old:
            return answer(401, {"code": "UNAUTHORIZED", "message": f"token {how}"})
        return await passed(request)

    place.storm.begin(lambda request: not is_token(request), spoil)
    place.project.apply()
    assert sum(map(is_token, place.storm.seen)) == 2
    assert sorted(place.setting.live("Dataset")) == ["here", "new"]


def test_a_token_endpoint_that_gives_a_token_of_another_kind(place: Place) -> None:
    place.storm.begin(is_token, says(token(token_type="mac")))
    clear(place.project.run("plan"), 3, "A001")


@pytest.mark.parametrize("where", [is_listing, is_token, is_write], ids=["listing", "token", "write"])
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_to_another_host_takes_nothing_along(
    place: Place, where: Callable[[Request], bool], status: int
) -> None:
    with storm_before(place.setting.emulator.url) as other:
        place.storm.begin(where, says(answer(status, None, {"location": f"{other.url}/api/v2/x"})))
        ran = place.project.run("apply", "--yes")
        assert ran.trace == ""
        assert ran.code in (1, 3)
        assert "never sent after a redirect" in ran.all or "127.0.0.1" in ran.all, ran.all
        assert other.seen == []
    assert sorted(place.setting.live("Dataset")) == ["here"]


@pytest.mark.parametrize("where", [is_listing, is_token], ids=["listing", "token"])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_a_huge_body_is_not_read_to_its_end(
    place: Place, where: Callable[[Request], bool], packed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reconciler.cxone.attempt.MAX_ANSWER_BYTES", 1_000_000)
    body = b'{"items": [' + b" " * 20_000_000
    content = answer(200, gzip.compress(body) if packed else body, {"content-encoding": "gzip"} if packed else {})
    place.storm.begin(where, says(content))
    ran = place.project.run("plan")
    clear(ran, ran.code, "larger than 1000000 bytes")
    assert ran.code in (1, 3)
    assert place.storm.spoilt == 1


@pytest.mark.parametrize(
    "head",
    [b"HTTP/1.1 200 X\r\n" + b"x: y\r\n" * 100_000, b"HTTP/1.1 100 X\r\n\r\n" * 100_000],
    ids=["headers", "interim"],
)
def test_a_head_without_end(place: Place, head: bytes) -> None:
    place.storm.begin(is_listing, says(head))
    clear(place.project.run("plan"), 1, "headers take more than")


def test_an_answer_that_trickles_is_given_up(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte now and then keeps a connection alive for as long as it likes, and must not keep a plan."""
    monkeypatch.setattr("reconciler.cxone.attempt.WHOLE_ANSWER", 2.0)

    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 X\r\ncontent-length: 1000000\r\n\r\n")
        try:
            while True:
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.05)
        except (ConnectionError, asyncio.CancelledError):
            writer.close()

    with raw_server(trickle) as url:
        project = Project.create(place.project.root.parent / "other", url=url, target={"timeoutSeconds": 0.2})
        project.put("all.yaml", dataset("here"))
        clear(project.run("plan"), 1, "was not whole in time")


@pytest.mark.parametrize("wrong", ["authority", "host"])
def test_a_wrong_certificate(place: Place, tmp_path: Path, wrong: str) -> None:
    """Nothing is sent, not even the request for a token, and the message names the setting."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1" if wrong == "authority" else "other.example.com").configure_cert(context)
    with storm_before(place.setting.emulator.url, context) as storm:
        settings = {"tls": {"caFile": "ca.pem"}} if wrong == "host" else {}
        project = Project.create(tmp_path / "tls", url=storm.url, target=settings)
        authority.cert_pem.write_to_path(project.root / "ca.pem")
        project.put("all.yaml", dataset("here"))
        for arguments in (["plan"], ["apply", "--yes"]):
            clear(project.run(*arguments), 1, r"H001.*certificate")
        assert storm.seen == []
