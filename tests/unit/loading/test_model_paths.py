from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from reconciler.loading.model_paths import example_at, fields_at, knows


class Inner(BaseModel):
    model_config = ConfigDict(alias_generator=str.upper)

    alpha: int = Field(examples=[3])
    beta: str | None = None


class Other(BaseModel):
    gamma: int = 0


class Model(BaseModel):
    one: Inner | None = None
    many: list[Annotated[Inner, Field(description="x")]] = []
    either: list[Inner | Other] = []
    named: dict[str, Inner | Literal["short"]] = {}
    free: dict[str, Any] = {}


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ((), {"one", "many", "either", "named", "free"}),
        (("one",), {"ALPHA", "BETA"}),
        (("many", 3), {"ALPHA", "BETA"}),
        (("either", 0), {"ALPHA", "BETA", "gamma"}),
        (("named", "any"), {"ALPHA", "BETA"}),
        (("free",), set()),
        (("nothing", "there"), set()),
    ],
)
def test_fields(path, names):
    assert fields_at(Model, path) == names


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("one.ALPHA", True),
        ("one.alpha", False),
        ("free.any.thing", True),
        ("named.x.BETA", True),
        ("one.ALPHA.x", False),
    ],
)
def test_dotted_paths(path, known):
    assert knows(Model, tuple(path.split("."))) is known


def test_examples():
    assert example_at(Model, ("many", 0, "ALPHA")) == "3"
    assert example_at(Model, ("many",)) == ""
    assert example_at(Model, ("many", 0)) == ""
