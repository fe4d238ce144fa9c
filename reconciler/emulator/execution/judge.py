"""Inputs and outputs against the schemas that an action declares."""

from __future__ import annotations

from typing import Any, NoReturn

from reconciler.emulator.errors import Problem
from reconciler.emulator.fields import Doc, join

_SHOWN = 20


def problems_of(schema: Doc, value: Any, where: str) -> list[Problem]:
    """Say what of a value its schema does not allow; at most as much as anybody reads."""
    import jsonschema_rs  # costs start-up time, and few requests come here

    if not isinstance(value, dict):
        return [Problem(where, "must be an object")]
    try:
        validator = jsonschema_rs.validator_for(schema, validate_formats=True, retriever=_no_network)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError) as error:
        return [Problem(where, f"can't be checked: the schema is of no use ({error})")]
    found: list[Problem] = []
    for flaw in validator.iter_errors(value):
        path = where
        for key in flaw.instance_path:
            path = join(path, key)
        found.append(Problem(path, flaw.message.splitlines()[0]))
        if len(found) == _SHOWN:
            break
    return found


def without_unset(schema: Doc, output: Any) -> Any:
    """Give an output without the declared members that are null: null means unset (contract: DataAction)."""
    if not isinstance(output, dict):
        return output
    declared = schema["properties"]
    return {name: value for name, value in output.items() if value is not None or name not in declared}


def _no_network(uri: str) -> NoReturn:
    raise ValueError(f"{uri} is not inside the schema, and the emulator fetches nothing")
