"""Finds out from a pydantic model which fields it has at a path: for suggestions, and for paths that people write."""

from __future__ import annotations

import types
from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from typing_extensions import TypeAliasType

from reconciler.core.diagnostic import PathParts


def fields_at(model: type[Any], path: PathParts) -> frozenset[str]:
    """The names that a map may have as keys at a path below a model; empty where any key may stand, or none."""
    return frozenset(name for found in _models_at(model, path) for name in _named(found))


def knows(model: type[Any], path: tuple[str, ...]) -> bool:
    """Whether a dotted path can lead to something: each part is a field, or lies inside something that takes any key."""
    places: list[Any] = [model]
    for part in path:
        if not (places := [below for place in places for below in _step(place, part)]):
            return False
        if Any in places:
            return True
    return True


def example_at(model: type[Any], path: PathParts) -> str:
    """The first example that a model gives for the field at a path, where it is a scalar; else an empty string."""
    if not path or not isinstance(path[-1], str):
        return ""
    for found in _models_at(model, path[:-1]):
        for name, field in found.model_fields.items():
            if (field.alias or name) == path[-1] and field.examples:
                first = field.examples[0]
                return "" if isinstance(first, (dict, list)) else str(first)
    return ""


def _models_at(model: type[Any], path: PathParts) -> Iterator[type[BaseModel]]:
    places: list[Any] = [model]
    for part in path:
        places = [below for place in places for below in _step(place, part)]
    yield from (place for place in places if isinstance(place, type) and issubclass(place, BaseModel))


@cache
def _named(model: type[BaseModel]) -> dict[str, Any]:
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _step(place: Any, part: str | int) -> Iterator[Any]:
    """What may stand one step below a bare type (no union, no annotation) for a key or an index."""
    if place is Any or place is dict or place is list:
        yield Any
    elif isinstance(place, type) and issubclass(place, BaseModel):
        if part in _named(place):
            yield from _bare(_named(place)[str(part)])
    elif get_origin(place) is dict:
        yield from _bare(get_args(place)[1])
    elif get_origin(place) in (list, tuple, set, frozenset):
        yield from _bare(get_args(place)[0])


def _bare(annotation: Any) -> Iterator[Any]:
    """The alternatives of an annotation, without `Annotated`, aliases, unions and None around them."""
    if isinstance(annotation, TypeAliasType):
        yield from _bare(annotation.__value__)
    elif get_origin(annotation) is Annotated:
        yield from _bare(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, types.UnionType):
        for item in get_args(annotation):
            yield from _bare(item)
    elif annotation is not type(None):
        yield annotation
