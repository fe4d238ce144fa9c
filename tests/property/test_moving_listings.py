"""Listings that change while they are paged: what is there is never taken for absent, and what is gone never for there.

Between any two pages of a listing somebody creates, edits or deletes resources. A listing that the client gives in the end is one
that the collection had at one moment; where it never stood still for long enough, there is an error and no listing.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send

from reconciler.core.values import Secret
from reconciler.cxone.client import Client
from reconciler.cxone.settings import Auth, TargetApi
from reconciler.emulator.preconditions import Conditions
from reconciler.errors import UnstableListing
from reconciler.kinds import load_kinds
from tests.support.profile import ACCEPTANCE
from tests.support.worlds import TenantServer

KINDS = load_kinds()
DATASETS = KINDS["Dataset"].wire.collection if KINDS["Dataset"].wire else ""
Step = tuple[str, int]
STEPS = st.lists(
    st.tuples(st.sampled_from(["nothing", "nothing", "create", "delete", "edit", "swap"]), st.integers(0, 99)),
    max_size=14,
)


class Tenant:
    """A collection of tables, and what somebody does to it before each page is given."""

    def __init__(self, style: Any, count: int, etags: bool, steps: list[Step]) -> None:
        self.server = TenantServer(pagination=style, page_size=3, concurrency="etag" if etags else "none")
        self.made = 0
        for _ in range(count):
            self.create()
        self.steps = list(steps)
        self.moments = [self.content()]

    def content(self) -> dict[str, str]:
        """Names and descriptions, by id."""
        rows = self.server.emulator.store.collections["Dataset"].rows
        resources, kind = self.server.emulator.resources, self.server.emulator.kinds["Dataset"]
        return {id_: f"{row.name}: {resources.load(kind, id_)[0]['description']}" for id_, row in rows.items()}

    def change(self, work: Callable[[Any, Any], Any]) -> None:
        emulator = self.server.emulator
        with emulator.store.transaction():
            work(emulator.resources, emulator.kinds["Dataset"])

    def create(self) -> None:
        self.made += 1
        body = {"name": f"table-{self.made}", "primaryKey": "id", "columns": {"id": "string"}}
        self.change(lambda resources, kind: resources.create(kind, body, "maria", Conditions()))

    def act(self, what: str, number: int) -> None:
        rows = self.server.emulator.store.collections["Dataset"].rows
        if what in ("create", "swap"):
            self.create()
        if rows and what in ("delete", "swap"):
            name = rows[sorted(rows)[number % len(rows)]].name
            self.change(lambda resources, kind: resources.remove(kind, name))
        if rows and what == "edit":
            name = rows[sorted(rows)[number % len(rows)]].name
            self.change(lambda resources, kind: resources.edit(kind, name, {"description": f"text {number}"}, "maria"))
        self.moments.append(self.content())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == DATASETS and self.steps:
            self.act(*self.steps.pop(0))
        await self.server.app(scope, receive, send)


def listed(tenant: Tenant, style: Any) -> dict[str, str] | None:
    """What the client makes of it; None where it says that it cannot tell."""
    api = TargetApi(
        "local",
        "https://tenant.example.com",
        Auth("local", Secret("test", "local-secret")),
        pagination=style,
        page_size=3,
    )

    async def work() -> dict[str, str] | None:
        async with Client(api, KINDS, scopes=("data-actions:read",), read_only=True, app=tenant) as client:
            try:
                found = await client.list(KINDS["Dataset"])
            except UnstableListing:
                return None
            return {item.id: f"{item.name}: {item.body['description']}" for item in found}

    return anyio.run(work)


@pytest.mark.parametrize("style", ["page", "offset", "token"])
@settings(max_examples=1000 if ACCEPTANCE else 60, deadline=None)
@given(count=st.integers(0, 10), steps=STEPS)
def test_a_listing_is_of_one_moment_or_none(style: str, count: int, steps: list[Step]) -> None:
    tenant = Tenant(style, count, True, steps)
    found = listed(tenant, style)
    if found is not None:
        assert found in tenant.moments
    else:
        assert any(what != "nothing" for what, _ in steps)
    tenant.server.close()


@pytest.mark.parametrize("style", ["page", "offset", "token"])
@settings(max_examples=1000 if ACCEPTANCE else 60, deadline=None)
@given(count=st.integers(0, 10), steps=STEPS)
def test_without_tags_what_was_there_all_along_is_listed(style: str, count: int, steps: list[Step]) -> None:
    """Without a tag of the collection, only totals and repeated ids tell that it moved; one in, one out looks like rest."""
    kept = [(what, number) for what, number in steps if what != "swap"]
    tenant = Tenant(style, count, False, [step for step in kept if step[0] != "delete"])
    found = listed(tenant, style)
    if found is not None:
        always = set.intersection(*(set(moment) for moment in tenant.moments))
        assert always <= found.keys()
    tenant.server.close()


@pytest.mark.parametrize("style", ["page", "offset", "token"])
def test_a_collection_that_never_stands_still_is_an_error(style: str) -> None:
    dice = random.Random(1)
    tenant = Tenant(style, 10, True, [("edit", dice.randrange(100)) for _ in range(100)])
    assert listed(tenant, style) is None
    tenant.server.close()
