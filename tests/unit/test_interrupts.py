"""Ctrl-C while a validator is being built: it comes a little later, and what was built is whole."""

from __future__ import annotations

import os
import signal
import threading
from typing import Annotated, Any

import pytest
from pydantic import Field, GetCoreSchemaHandler, ValidationError
from pydantic_core import CoreSchema

from reconciler.interrupts import ctrl_c_waits
from reconciler.loading.lenient import validate_leniently
from reconciler.model import Model


class _AskedWhileBuilt:
    """Sends Ctrl-C in the midst of building the model in whose field it stands."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema = handler(str)
        os.kill(os.getpid(), signal.SIGINT)
        return schema


def probe() -> type[Model]:
    """A model that is interrupted while it is built for the first time."""

    class Probe(Model):
        first_name: Annotated[str, _AskedWhileBuilt]
        label: Annotated[str, Field(pattern="^[a-z]+$")]

    return Probe


@pytest.mark.parametrize(
    "build", [lambda model, value: model.model_validate(value), validate_leniently], ids=["strict", "lenient"]
)
def test_a_model_is_whole_though_its_building_was_interrupted(build: Any) -> None:
    model = probe()
    with pytest.raises(KeyboardInterrupt):
        build(model, {"firstName": "a", "label": "b"})
    assert model.__pydantic_complete__
    assert model.model_validate({"firstName": "a", "label": "b"})
    with pytest.raises(ValidationError):
        model.model_validate({"firstName": "a", "label": "B"})


def test_it_comes_once_the_block_is_done_and_once() -> None:
    passed = []

    def work() -> None:
        with ctrl_c_waits():
            with ctrl_c_waits():
                os.kill(os.getpid(), signal.SIGINT)
                os.kill(os.getpid(), signal.SIGINT)
                passed.append("inside")
            passed.append("behind")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert passed == ["inside", "behind"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_other_threads_have_nothing_to_wait_for() -> None:
    seen = []

    def work() -> None:
        with ctrl_c_waits():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGINT)]
