"""Reading and listing while things break: another try where that may help, an error where not, never half a listing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio
import pytest

from reconciler.cxone import paging
from reconciler.errors import ApiError, BadAnswer, NotFound, ServerFailed, UnstableListing
from tests.support.cxone import KINDS, THING, FakeTime, Request, Script, answer, client, in_loop, token, wired
from tests.support.emulator import running_emulator

RESOURCE = {"id": "a", "name": "x"}
BROKEN = [
    None,
    answer(500),
    answer(502, b"<html>", {"content-type": "text/html"}),
    answer(503),
    answer(504),
    answer(408),
    answer(520),
    answer(200, b'{"id": "a", "na'),
    b"HTTP/1.1 200 X\r\ncontent-length: 100\r\nconnection: close\r\n\r\n{",
]


@pytest.mark.parametrize("broken", BROKEN)
@in_loop
async def test_a_read_is_tried_again(broken: bytes | None) -> None:
    script = Script([broken, broken, answer(200, RESOURCE)])
    async with wired(script) as here:
        found = await here.client.get(THING, "a")
    assert found is not None
    assert found.name == "x"
    assert [record.attempt for record in here.records[1:]] == [1, 2, 3]
    assert here.time.slept == [0.25, 0.5]


@pytest.mark.parametrize("broken", BROKEN)
@in_loop
async def test_a_read_that_stays_broken_fails(broken: bytes | None) -> None:
    script = Script([broken])
    async with wired(script) as here:
        with pytest.raises((ServerFailed, BadAnswer), match="after 5 attempts"):
            await here.client.list(THING)
    assert len(script.seen) == 5


@pytest.mark.parametrize(
    ("useless", "problem"),
    [
        (answer(200, b"<html>log in</html>", {"content-type": "text/html"}), "HTML page"),
        (answer(200, {"name": "x"}), "no id"),
        (answer(200, {"id": "b"}), "another resource"),
        (answer(200, {"code": "LOCKED", "message": "no"}), "LOCKED: no"),
        (answer(302, None, {"location": "https://login.example.com/"}), r"login\.example\.com"),
        (answer(404, b"<html>nothing here</html>", {"content-type": "text/html"}), "HTML page"),
        (answer(304), "304"),
    ],
)
@in_loop
async def test_an_answer_that_no_try_mends_fails_at_once(useless: bytes, problem: str) -> None:
    script = Script([useless])
    async with wired(script) as here:
        with pytest.raises(BadAnswer, match=problem):
            await here.client.get(THING, "a")
    assert len(script.seen) == 1


@in_loop
async def test_only_the_apis_own_404_means_gone() -> None:
    async with wired(Script([answer(404, {"code": "NOT_FOUND", "message": "no"}), answer(404)])) as here:
        assert await here.client.get(THING, "a") is None
        assert await here.client.get(THING, "a") is None
        with pytest.raises(NotFound):
            await here.client.list(THING)


@in_loop
async def test_an_answer_without_end_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.cxone.attempt.MAX_ANSWER_BYTES", 100_000)
    script = Script([answer(200, {"id": "a", "filler": "x" * 200_000})])
    async with wired(script) as here:
        with pytest.raises(BadAnswer, match="larger than 100000 bytes"):
            await here.client.get(THING, "a")
    assert len(script.seen) == 1


class Collection:
    """A paged collection whose states follow one another: each listing of page 1 moves to the next state."""

    def __init__(self, *states: list[str], style: str = "page", cap: int = 1000, etags: bool = True) -> None:
        self.states = list(states)
        self.style = style
        self.cap = cap
        self.etags = etags
        self.pages: list[int] = []

    async def __call__(self, request: Request) -> bytes | None:
        if request.is_token:
            return token()
        query = {key: values[0] for key, values in parse_qs(urlsplit(request.target).query).items()}
        number, size = int(query["page"]), min(int(query["pageSize"]), self.cap)
        self.pages.append(number)
        ids = self.states[0]
        if len(self.states) > 1:
            self.states.pop(0)
        shown = ids[(number - 1) * size : number * size]
        following = number + 1 if number * size < len(ids) else None
        body = {"items": [{"id": id_} for id_ in shown], "pageSize": size, "total": len(ids), "nextPage": following}
        return answer(200, body, {"etag": f'"{hash(tuple(ids))}"'} if self.etags else None)


def ids(count: int, start: int = 0) -> list[str]:
    return [f"i{number:04}" for number in range(start, start + count)]


@in_loop
async def test_a_server_that_gives_smaller_pages_than_asked_for_is_followed() -> None:
    collection = Collection(ids(250), cap=100)
    async with wired(collection) as here:
        assert [item.id for item in await here.client.list(THING)] == ids(250)
    assert sorted(collection.pages) == [1, 2, 3]


@pytest.mark.parametrize("etags", [True, False])
@in_loop
async def test_a_collection_that_moves_while_it_is_paged_is_listed_again(etags: bool) -> None:
    collection = Collection(ids(25), ids(26), ids(26), ids(26), etags=etags)
    async with wired(collection, page_size=10) as here:
        assert [item.id for item in await here.client.list(THING)] == ids(26)
    assert collection.pages.count(1) == 2


@in_loop
async def test_a_swap_of_one_for_another_shows_in_the_collections_etag() -> None:
    collection = Collection(ids(20), [*ids(19), "j"])
    async with wired(collection, page_size=10) as here:
        assert "j" in {item.id for item in await here.client.list(THING)}
    assert collection.pages.count(1) == 2


@in_loop
async def test_pages_are_fetched_at_once_when_the_first_tells_the_total() -> None:
    collection, waiting, both = Collection(ids(30)), 0, anyio.Event()

    async def serve(request: Request) -> bytes | None:
        nonlocal waiting
        if "page=1&" not in request.target and not request.is_token:
            waiting += 1
            if waiting == 2:
                both.set()
            await both.wait()
        return await collection(request)

    with anyio.fail_after(20):
        async with wired(serve, page_size=10) as here:
            assert [item.id for item in await here.client.list(THING)] == ids(30)


@in_loop
async def test_a_collection_that_never_rests_fails() -> None:
    states = [ids(20 + number % 2) for number in range(40)]
    async with wired(Collection(*states), page_size=10, max_concurrency=1) as here:
        with pytest.raises(UnstableListing, match="4 times in a row"):
            await here.client.list(THING)


@pytest.mark.parametrize(
    "pages",
    [
        [{"items": [{"id": "a"}], "total": 2}, {"items": [{"id": "a"}], "total": 2}],
        [{"items": [{"id": "a"}], "total": 2}, {"items": [], "total": 2}],
        [{"items": [{"id": "a"}], "total": 1, "nextPage": 2}],
        [{"items": [], "total": 3}],
        [{"items": [{"id": "a"}, {"id": "b"}], "total": 1}],
        [{"items": [{"id": "a"}], "total": 2}, {"items": [{"id": "b"}], "total": 2, "nextPage": 3}],
    ],
    ids=["repeated", "short", "more", "empty", "too many", "more after the last"],
)
@in_loop
async def test_pages_that_contradict_each_other_are_no_listing(pages: list[Any]) -> None:
    async def serve(request: Request) -> bytes:
        if request.is_token:
            return token()
        return answer(200, pages[int(parse_qs(urlsplit(request.target).query)["page"][0]) - 1])

    async with wired(serve) as here:
        with pytest.raises(UnstableListing):
            await here.client.list(THING)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ([], "no object"),
        ({"total": 0}, "items is missing"),
        ({"items": {}, "total": 0}, "items is no array"),
        ({"items": []}, "no total"),
        ({"items": [], "total": -1}, "total is no count"),
        ({"items": [], "total": True}, "total is no count"),
        ({"items": [{}], "total": 1}, "items: item 0 has no id"),
        ({"items": ["a"], "total": 1}, "items: item 0 is no object"),
        ({"items": [{"id": "a"}], "total": 1, "errors": [{"message": "shard 2 is down"}]}, "shard 2 is down"),
    ],
)
@in_loop
async def test_what_is_no_page_is_said(body: Any, problem: str) -> None:
    async with wired(Script([answer(200, body)])) as here:
        with pytest.raises(BadAnswer, match=problem) as caught:
            await here.client.list(THING)
    assert "GET /things" in caught.value.message


@in_loop
async def test_one_failing_page_fails_the_listing() -> None:
    async def serve(request: Request) -> bytes:
        if request.is_token:
            return token()
        if "page=3" in request.target:
            return answer(400, {"code": "BAD", "message": "page 3 is cursed"})
        number = int(parse_qs(urlsplit(request.target).query)["page"][0])
        return answer(200, {"items": [{"id": f"{number}"}], "total": 5, "nextPage": number + 1 if number < 5 else None})

    async with wired(serve) as here:
        with pytest.raises(ApiError, match="page 3 is cursed"):
            await here.client.list(THING)


@pytest.mark.parametrize(
    "pages",
    [
        [{"hits": 3, "data": [{"id": "a"}], "scrollToken": "t"}, {"hits": 3, "data": [{"id": "b"}]}],
        [{"hits": 2, "data": [{"id": "a"}], "scrollToken": "t"}, {"hits": 3, "data": [{"id": "b"}]}],
        [{"hits": 2, "data": [{"id": "a"}], "scrollToken": "t"}, {"hits": 2, "data": [{"id": "a"}]}],
        [
            {"hits": 1, "data": [{"id": "a"}], "scrollToken": "t"},
            {"hits": 1, "data": [{"id": "a"}], "scrollToken": "t"},
        ],
    ],
    ids=["lost", "moved", "repeated", "endless"],
)
@in_loop
async def test_a_scroll_that_does_not_add_up_is_no_listing(pages: list[Any]) -> None:
    async def serve(request: Request) -> bytes:
        return token() if request.is_token else answer(200, pages["scrollToken" in request.target])

    async with wired(serve, pagination="token") as here:
        with pytest.raises(UnstableListing):
            await here.client.list(THING)


@dataclass
class Endless:
    """A server that counts the pages that it gives, each made from its number."""

    page: Callable[[int], Any]
    served: int = 0

    async def __call__(self, request: Request) -> bytes:
        if request.is_token:
            return token()
        self.served += 1
        return answer(200, self.page(self.served))


@pytest.mark.parametrize(
    ("made_up", "error", "pages"),
    [(False, UnstableListing, 2 * (1 + paging.REPEATS)), (True, BadAnswer, 31)],
    ids=["one page for ever", "new ones for ever"],
)
@in_loop
async def test_a_scroll_without_end_is_given_up(
    made_up: bool, error: type[Exception], pages: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "MOST_RESOURCES", 30)
    server = Endless(lambda number: {"data": [{"id": f"r{number if made_up else 0}"}], "scrollToken": "t"})
    async with wired(server, pagination="token") as here:
        with pytest.raises(error):
            await here.client.list(THING)
    assert server.served == pages


@pytest.mark.parametrize("total", [31, 10**12])
@in_loop
async def test_a_total_that_nobody_has_is_not_believed(total: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "MOST_RESOURCES", 30)
    server = Endless(lambda _: {"items": [{"id": "a"}], "total": total, "nextPage": 2})
    async with wired(server) as here:
        with pytest.raises(BadAnswer, match="goes on beyond 30 resources"):
            await here.client.list(THING)
    assert server.served == 1


@in_loop
async def test_a_scroll_without_a_total_ends_with_its_token() -> None:
    pages = [{"data": [{"id": "a"}], "scrollToken": "t"}, {"data": [{"id": "b"}], "scrollToken": None}]

    async def serve(request: Request) -> bytes:
        return token() if request.is_token else answer(200, pages["scrollToken=t" in request.target])

    async with wired(serve, pagination="token") as here:
        assert [item.id for item in await here.client.list(THING)] == ["a", "b"]


@in_loop
async def test_a_filter_that_the_server_ignores_still_filters() -> None:
    body = {"items": [{"id": "a", "name": "x"}, {"id": "b", "name": "y"}], "total": 2}
    script = Script([answer(200, body)])
    async with wired(script) as here:
        assert [item.id for item in await here.client.list(THING, name="y")] == ["b"]
    assert "name=y" in script.seen[0].target


@pytest.mark.parametrize("effect", [{"drop": "before"}, {"truncate": True}, {"malformed": True}, {"status": 503}])
@in_loop
async def test_a_listing_survives_what_is_over_soon(effect: dict[str, Any]) -> None:
    with running_emulator() as emulator:
        emulator.control("POST", "seed", {"seed": 1, "kinds": {"Dataset": 40}})
        rule = {"match": {"method": "GET", "path": "/api/v2/*"}, "times": 2, "effect": effect}
        emulator.control("POST", "faults", {"rules": [rule]})
        async with client(emulator.url, page_size=10, timing=FakeTime().timing) as one:
            assert len(await one.list(KINDS["Dataset"])) == 40
