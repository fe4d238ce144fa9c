"""As much of a spec as is valid: the model of a kind made tolerant, for specs about which something was reported.

Pydantic validates all or nothing. Its own description of a model (the core schema) is rebuilt here with a way out around every
field and item: where one fails, the rest is validated all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from functools import cache, partial
from typing import Any, Final

from pydantic import BaseModel
from pydantic_core import SchemaValidator, ValidationError, core_schema

from reconciler.core.partial import HOLE
from reconciler.interrupts import ctrl_c_waits
from reconciler.loading.field_errors import EXPECTED
from reconciler.loading.leaves import StandIn
from reconciler.loading.suggest import nearest

Schema = Any
"""A core schema or a part of one: nested dicts, as pydantic-core documents them."""

_WRAPPERS: Final = frozenset({"default", "nullable", "function-before", "function-after", "function-wrap"})
_ITEMS: Final[Mapping[str, str]] = {"list": "items_schema", "dict": "values_schema"}


def validate_leniently(model: type[BaseModel], value: Any) -> Any | None:
    """The model's instance with what is valid of a value; None where nothing is.

    Reading a field that is missing or not valid raises `Unvalidated`, as does anything done with an item that is not valid.
    A field that an unknown key was probably meant for counts as not valid. Stand-ins for typed leaves are kept whatever the
    model says about their text.
    """
    try:
        return _validator(model).validate_python(value)
    except ValidationError:
        return None


@cache
def _validator(model: type[BaseModel]) -> SchemaValidator:
    model.model_rebuild()
    config = core_schema.CoreConfig(strict=bool(model.model_config.get("strict")))
    with ctrl_c_waits():
        return SchemaValidator(_lenient(model.__pydantic_core_schema__, {}), config)


def _lenient(schema: Schema, known: Mapping[str, Schema]) -> Schema:
    """A schema whose fields and items may fail; ``known`` are the definitions that it may refer to."""
    kind = schema["type"]
    if kind == "definitions":
        return _lenient(schema["schema"], {item["ref"]: item for item in schema["definitions"]})
    if kind == "definition-ref":
        return _lenient(known[schema["schema_ref"]], known)
    if kind == "model":
        # Not as a model: pydantic would take the strict validator that the class has already.
        make = partial(_instance, schema["cls"])
        return core_schema.no_info_wrap_validator_function(make, _lenient(schema["schema"], known))
    rebuilt = {key: item for key, item in schema.items() if key != "ref"}
    if kind == "model-fields":
        rebuilt["fields"] = {name: _field(item, known) for name, item in schema["fields"].items()}
        rebuilt["extra_behavior"] = "ignore"
    elif kind in _WRAPPERS:
        rebuilt["schema"] = _lenient(schema["schema"], known)
    elif kind in _ITEMS and _ITEMS[kind] in schema:
        rebuilt[_ITEMS[kind]] = _tolerant(_lenient(schema[_ITEMS[kind]], known))
    elif kind == "function-plain" and schema["function"]["type"] == "no-info":
        choose = partial(_one_form, schema["function"]["function"], _forms(schema, known))
        return core_schema.no_info_plain_validator_function(choose)
    return rebuilt


def _field(field: Schema, known: Mapping[str, Schema]) -> Schema:
    inner = field["schema"]
    if inner["type"] == "default":
        return {**field, "schema": {**inner, "schema": _tolerant(_lenient(inner["schema"], known))}}
    tolerant = _tolerant(_lenient(inner, known))
    return {**field, "schema": core_schema.with_default_schema(tolerant, default_factory=lambda: HOLE)}


def _tolerant(schema: Schema) -> Schema:
    return core_schema.no_info_wrap_validator_function(_or_hole, schema)


def _or_hole(value: Any, validate: Callable[[Any], Any]) -> Any:
    try:
        return validate(value)
    except ValidationError as error:
        excused = isinstance(value, StandIn) and error.errors(include_url=False)[0]["type"] not in EXPECTED
        return value if excused else HOLE


def _forms(schema: Schema, known: Mapping[str, Schema]) -> dict[str, type[BaseModel]]:
    """The models that a validating function says it chooses from, by their names."""
    declared = schema.get("json_schema_input_schema") or {}
    choices = [known.get(item.get("schema_ref", ""), item) for item in declared.get("choices", ())]
    return {item["cls"].__name__: item["cls"] for item in choices if item["type"] == "model"}


def _one_form(choose: Callable[[Any], Any], forms: Mapping[str, type[BaseModel]], value: Any) -> Any:
    """What a function makes of a value that chooses one of several models, or what is valid of the one it chose."""
    try:
        return choose(value)
    except ValidationError as error:
        part = validate_leniently(forms[error.title], value) if error.title in forms else None
        if part is None:
            raise
        return part


def _instance(model: type[BaseModel], value: Any, validate: Callable[[Any], Any]) -> BaseModel:
    """An instance without what is not valid, and without what an unknown key may have been meant for."""
    fields, _, given = validate(value)
    instance = model.model_construct(_fields_set=set(given))
    doubtful = set(_meant(model, value, given))
    instance.__dict__.clear()
    instance.__dict__.update({name: item for name, item in fields.items() if item is not HOLE and name not in doubtful})
    return instance


def _meant(model: type[BaseModel], value: Any, given: Set[str]) -> Iterator[str]:
    names = {field.alias or name: name for name, field in model.model_fields.items()}
    absent = {alias for alias, name in names.items() if name not in given}
    for key in value.keys() - names.keys() if isinstance(value, dict) else ():
        if guess := nearest(key, absent):
            yield names[guess]
