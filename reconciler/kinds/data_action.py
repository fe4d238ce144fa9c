"""DataAction: JavaScript that the tenant runs, with declared inputs and outputs (contract: Resources)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from reconciler.core.kind import BundleField, Finding, Kind, Lookup, SecretMap, Wire
from reconciler.kinds.parts.base import FilePath, Part, Spec
from reconciler.kinds.parts.findings import attributes, each, gathered, repeated, suggestion
from reconciler.kinds.parts.schemas import Judge, ObjectSchema, null_findings, schema_findings

ACTION_NAME = r"^[a-z0-9-]+$"


class Code(Part):
    """Where the action's source files are; or, of code that only the tenant has, which bundle it is."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["path"]}, {"required": ["sha256"]}]})

    path: FilePath | None = Field(
        default=None,
        description=(
            "The folder that is packed, with index.js at its root; relative to the project. It stays inside the project: "
            "no '..', no symbolic link out of it."
        ),
        examples=["actions/enrich-caller"],
    )
    exclude: list[Annotated[str, Field(min_length=1)]] = Field(
        default_factory=list,
        description="Globs, relative to the folder, of files that are left out.",
        examples=[["*.test.js", "README.md"]],
    )
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = Field(
        default=None,
        description=(
            "In place of path, for code that nobody has but the tenant, as `reconciler export` writes it: the live bundle's "
            "digest. Other code is called drift, and nothing can be sent."
        ),
    )


class ActionTest(Part):
    """One example of what the action answers; `reconciler test` runs it."""

    name: Annotated[str, Field(min_length=1, max_length=200)] = Field(
        description="What the test shows; unique in the action.", examples=["gold customer"]
    )
    inputs: dict[str, Any] = Field(
        description="What the action is called with; it must satisfy the action's inputs.",
        examples=[{"externalId": "C-1001"}],
    )
    expect: dict[str, Any] = Field(
        description="Outputs and their expected values. A null stands for an output that is unset.",
        examples=[{"tier": "gold"}],
    )
    match: Literal["subset", "exact"] = Field(
        default="subset",
        description=(
            "How expect is compared. subset: keys that it does not name are not looked at, in maps inside lists neither. "
            "exact: nothing else may be there."
        ),
        examples=["exact"],
    )


class DataActionSpec(Spec):
    """An action's code, its interface and what it runs with."""

    runtime: Literal["nodejs18", "nodejs20"] = Field(description="What runs the code.", examples=["nodejs20"])
    code: Code = Field(description="Where the source files are.", examples=[{"path": "actions/enrich-caller"}])
    inputs: ObjectSchema = Field(
        description="A JSON Schema of the inputs: {properties, required}.",
        examples=[{"properties": {"externalId": {"type": "string"}}, "required": ["externalId"]}],
    )
    outputs: ObjectSchema = Field(
        description="A JSON Schema of the outputs: {properties, required}. A null output counts as unset.",
        examples=[{"properties": {"tier": {"type": "string"}}}],
    )
    timeout_seconds: Annotated[int, Field(ge=1, le=30)] | None = Field(
        default=None, description="Seconds after which an execution is stopped, at most 30.", examples=[10]
    )
    environment: (
        dict[Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")], str] | None
    ) = Field(
        default=None,
        description=(
            "Environment variables by name. A value that is a secret reference, ${secret:…}, is write-only; "
            "${ref:Kind/name.id} gives the live id of another resource."
        ),
        examples=[{"CRM_REGION": "emea", "CRM_API_KEY": "${secret:env:CRM_API_KEY}"}],
    )
    tests: list[ActionTest] = Field(
        default_factory=list,
        description="Examples that `reconciler test` runs. They stay in git.",
        examples=[[{"name": "gold customer", "inputs": {"externalId": "C-1001"}, "expect": {"tier": "gold"}}]],
    )


def check(spec: DataActionSpec, _lookup: Lookup) -> list[Finding]:
    """The live name, the two schemas, and the tests against them."""
    return gathered(
        lambda: _name_findings(spec.name),
        lambda: _code_findings(spec.code),
        lambda: _input_findings(spec),
        lambda: _output_findings(spec),
        lambda: null_findings(("inputs",), spec.inputs),
        lambda: null_findings(("outputs",), spec.outputs),
        lambda: [
            Finding(("tests", index, "name"), f"another test is called {name!r} already", "give it a name of its own")
            for index, _, name in repeated(attributes(spec.tests, "name"))
        ],
    )


def _name_findings(name: str | None) -> Iterator[Finding]:
    if name is not None and not re.fullmatch(ACTION_NAME, name):
        yield Finding(
            ("name",),
            f"{name!r} is no name for an action: it may hold a-z, 0-9 and - only",
            f"write {re.sub('[^a-z0-9]+', '-', name.lower()).strip('-') or 'my-action'!r}",
        )


def _code_findings(code: Code) -> Iterator[Finding]:
    """Either the files or the digest of what is live; the latter is a gap to be closed."""
    if code.path is not None:
        if code.sha256 is not None:
            yield Finding(("code", "sha256"), "the code is named by path already", "remove sha256")
    elif code.sha256 is None:
        yield Finding(
            ("code",), "nothing says where the code is", "write 'path: actions/NAME', a folder with an index.js"
        )
    else:
        yield Finding(
            ("code", "sha256"),
            "the code is in the tenant only: the action can be compared with what is live, and not be created anywhere",
            "put its files into a folder of the project and write 'path: FOLDER' in place of sha256",
            "warning",
        )


def _input_findings(spec: DataActionSpec) -> Iterator[Finding]:
    """The schema of the inputs is one, and allows what the tests call the action with."""
    found = schema_findings(("inputs",), spec.inputs)
    yield from found
    if not spec.tests or any(finding.severity == "error" for finding in found):
        return
    inputs = Judge(spec.inputs, "the action's inputs")
    yield from each(spec.tests, lambda index, test: inputs.findings(("tests", index, "inputs"), test.inputs))


def _output_findings(spec: DataActionSpec) -> Iterator[Finding]:
    """The schema of the outputs is one, and allows what the tests expect."""
    found = schema_findings(("outputs",), spec.outputs)
    yield from found
    if not spec.tests or any(finding.severity == "error" for finding in found):
        return
    # What outputs demand as a whole (required, minProperties …) says nothing about the few that a test names.
    kept = ("$schema", "$defs", "definitions", "properties")
    parts: dict[str, Any] = {key: spec.outputs[key] for key in kept if key in spec.outputs}
    outputs = Judge(parts, "the action's outputs")
    known = spec.outputs["properties"]
    yield from each(
        spec.tests,
        lambda index, test: _expectation_findings(("tests", index, "expect"), test.expect, known, outputs),
    )


def _expectation_findings(
    path: tuple[str | int, ...], expect: dict[str, Any], properties: dict[str, Any], outputs: Judge
) -> list[Finding]:
    """What a test expects has to be something that the declared outputs allow; null means unset (contract: DataAction)."""
    found = [
        Finding((*path, name), f"{name!r} is not one of the action's outputs", suggestion(name, properties))
        for name in expect
        if name not in properties
    ]
    return found + outputs.findings(path, {name: value for name, value in expect.items() if value is not None})


KIND = Kind(
    name="DataAction",
    kind_class="resource",
    spec=DataActionSpec,
    summary="JavaScript that the tenant runs, with declared inputs and outputs.",
    wire=Wire(
        collection="/api/v2/data/actions",
        read_scopes=("data:actions:read",),
        write_scopes=("data:actions:write",),
    ),
    read_only=frozenset({"id", "etag", "createdTime", "lastModifiedTime", "lastModifiedBy", "codeSha256", "codeSize"}),
    required=frozenset({"name", "runtime", "code", "inputs", "outputs"}),
    defaults={"timeoutSeconds": 30, "environment": {}},
    whole=frozenset({"environment", "inputs", "outputs"}),
    normalisers={"inputs": "json_schema", "outputs": "json_schema"},
    secret_maps=(SecretMap("environment", plain=None),),
    spec_only=frozenset({"tests"}),
    bundle=BundleField("code", "codeSha256"),
    check=check,
)
