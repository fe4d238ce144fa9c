"""Controls of an emulator in this process answer as over a port."""

from __future__ import annotations

import anyio
import pytest

from reconciler.emulator import Settings, create_app
from reconciler.emulator.inprocess import control
from tests.support.emulator import running_emulator

SEED = {"seed": 1, "resources": 5}


def test_the_same_answers_as_over_a_port() -> None:
    app = create_app(Settings())

    async def talk() -> list[object]:
        return [
            await control(app, "GET", "health"),
            await control(app, "POST", "seed", SEED),
            (await control(app, "GET", "state"))["counts"],
        ]

    with running_emulator() as running:
        over_a_port = [
            running.control("GET", "health"),
            running.control("POST", "seed", SEED),
            running.control("GET", "state")["counts"],
        ]
    assert anyio.run(talk) == over_a_port


def test_a_refusal_is_an_error_with_its_status_and_reason() -> None:
    app = create_app(Settings())
    body = {"kind": "Dataset", "name": "nobody", "patch": {}, "by": "me"}
    with pytest.raises(ValueError, match=r"POST /_emulator/edit answered 404: .*nobody"):
        anyio.run(lambda: control(app, "POST", "edit", body))


def test_an_empty_answer_is_none() -> None:
    app = create_app(Settings())
    assert anyio.run(lambda: control(app, "DELETE", "faults")) is None
