"""DataAction: JavaScript that the tenant runs, with declared inputs and outputs (contract: Resources)."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass

from reconciler.emulator.archive import CodeArchive
from reconciler.emulator.errors import Problem
from reconciler.emulator.fields import (
    Choice,
    Doc,
    Flag,
    Integer,
    Json,
    ListOf,
    MapOf,
    Member,
    Record,
    Text,
    join,
    optional,
)
from reconciler.emulator.kind import DESCRIPTION, SECRET_MASK, Blob, Kind, Sampling

MAX_SCHEMA_DEPTH = 64

_UNIX = 3
_REGULAR_FILE = 0o100644 << 16

_VALUE = Text(0, 65_536)
_SECRET = Record({"value": Member(_VALUE, required=True), "secret": optional(Flag(), default=False)})


@dataclass(frozen=True, slots=True)
class _Variable:
    """An environment value: text, or ``{value, secret}``. A plain one is kept as text, a secret one as an object."""

    def accept(self, value: Json, path: str, problems: list[Problem]) -> Json:
        if isinstance(value, str):
            return _VALUE.accept(value, path, problems)
        variable = _SECRET.accept(value, path, problems)
        if isinstance(variable, dict) and variable.get("secret") is False:
            return variable.get("value")
        return variable

    def schema(self) -> Doc:
        return {"anyOf": [_VALUE.schema(), _SECRET.schema()]}


def _too_deep(value: Json) -> bool:
    layer, depth = [value], 0
    while layer:
        depth += 1
        if depth > MAX_SCHEMA_DEPTH:
            return True
        nested: list[Json] = []
        for element in layer:
            if isinstance(element, dict):
                nested.extend(element.values())
            elif isinstance(element, list):
                nested.extend(element)
        layer = nested
    return False


@dataclass(frozen=True, slots=True)
class _ObjectSchema:
    """A JSON Schema of an object: ``properties``, and ``required`` and further keywords if need be."""

    def accept(self, value: Json, path: str, problems: list[Problem]) -> Json:
        if not isinstance(value, dict):
            problems.append(Problem(path, "must be an object"))
        elif not isinstance(value.get("properties"), dict):
            problems.append(Problem(join(path, "properties"), "must be an object of property schemas"))
        elif value.get("type", "object") != "object":
            problems.append(Problem(join(path, "type"), "must be object"))
        elif _too_deep(value):
            problems.append(Problem(path, f"is nested deeper than {MAX_SCHEMA_DEPTH}"))
        else:
            self._check_keywords(value, path, problems)
        return value

    def _check_keywords(self, value: Doc, path: str, problems: list[Problem]) -> None:
        import jsonschema_rs  # costs start-up time, and few requests come here

        try:
            jsonschema_rs.meta.validate(value)
        except jsonschema_rs.ValidationError as error:
            where = path
            for key in error.instance_path:
                where = join(where, key)
            problems.append(Problem(where, "is not valid in a JSON Schema"))
        except jsonschema_rs.ReferencingError:
            problems.append(Problem(join(path, "$schema"), "names an unknown dialect"))

    def schema(self) -> Doc:
        return {
            "type": "object",
            "properties": {
                "type": {"const": "object"},
                "properties": {"type": "object", "additionalProperties": {"type": ["object", "boolean"]}},
                "required": ListOf(Text(), unique=True).schema(),
            },
            "required": ["properties"],
        }


def _restore_masked(doc: Doc, stored: Doc | None) -> list[Problem]:
    problems: list[Problem] = []
    environment = doc["environment"]
    kept = stored["environment"] if stored else {}
    for name, variable in environment.items():
        value = variable["value"] if isinstance(variable, dict) else variable
        if value != SECRET_MASK:
            continue
        if isinstance(kept.get(name), dict):
            environment[name] = kept[name]  # stays secret whatever else was said, so that no patch can reveal it
        else:
            problems.append(Problem(f"environment.{name}", "is the mask, but no secret is stored"))
    return problems


def _present(doc: Doc) -> Doc:
    code: Blob = doc["code"]
    environment = {
        name: {"value": SECRET_MASK, "secret": True} if isinstance(variable, dict) else variable
        for name, variable in doc["environment"].items()
    }
    shown = {name: value for name, value in doc.items() if name != "code"}
    return shown | {"environment": environment, "codeSha256": code.sha256, "codeSize": code.size}


def _sample_code(purpose: str, index: int) -> Blob:
    """Zip a tiny but working action; fixed times and modes make the same bytes each time, and wherever its file is packed so."""
    source = (
        f"// {purpose} {index}\n"
        "module.exports = async (context, inputs) => {\n"
        "  context.logger.info('looked up', {externalId: inputs.externalId});\n"
        "  return {tier: 'standard', found: true};\n"
        "};\n"
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        entry = zipfile.ZipInfo("index.js", (1980, 1, 1, 0, 0, 0))
        entry.create_system, entry.external_attr = _UNIX, _REGULAR_FILE
        archive.writestr(entry, source)
    return Blob.of(buffer.getvalue())


def _sample(sampling: Sampling) -> Doc:
    random = sampling.random
    purpose = random.choice(("enrich-caller", "route-by-tier", "find-order", "score-sentiment"))
    properties = {"externalId": {"type": "string", "minLength": 1}, "phoneNumber": {"type": "string"}}
    return {
        "name": f"{purpose}-{sampling.index:05d}",
        "description": f"{purpose.replace('-', ' ').capitalize()} before the agent answers",
        "runtime": random.choice(("nodejs18", "nodejs20")),
        "code": _sample_code(purpose, sampling.index),
        "inputs": {"type": "object", "properties": properties, "required": ["externalId"]},
        "outputs": {"type": "object", "properties": {"tier": {"type": "string"}, "found": {"type": "boolean"}}},
        "timeoutSeconds": random.choice((5, 10, 30)),
        "environment": {
            "CRM_BASE_URL": f"https://crm.example.com/{random.choice(('eu', 'us'))}",
            "CRM_API_KEY": {"value": f"{random.getrandbits(128):032x}", "secret": True},
        },
    }


KIND = Kind(
    name="DataAction",
    id_prefix="a",
    collection="/api/v2/data/actions",
    read_scopes=frozenset({"data:actions:read", "data:actions:write", "data:actions:execute"}),
    write_scopes=frozenset({"data:actions:write"}),
    record=Record(
        {
            "name": Member(Text(1, 128, r"[a-z0-9-]+", "may hold a-z, 0-9 and - only"), required=True),
            "description": DESCRIPTION,
            "runtime": Member(Choice(("nodejs18", "nodejs20")), required=True),
            "code": Member(CodeArchive(), required=True, description="base64 of a zip with index.js at its root"),
            "inputs": Member(_ObjectSchema(), required=True, description="JSON Schema of the inputs"),
            "outputs": Member(_ObjectSchema(), required=True, description="JSON Schema of the outputs"),
            "timeoutSeconds": optional(Integer(1, 30), 30),
            "environment": Member(
                MapOf(Text(1, 128, r"[A-Za-z_][A-Za-z0-9_]*", "must be a variable name"), _Variable()), default=dict
            ),
        }
    ),
    derived=("codeSha256", "codeSize"),
    blob_field="code",
    restore_masked=_restore_masked,
    present=_present,
    sample=_sample,
    share=15,
)
