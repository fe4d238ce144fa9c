"""For every resource kind: a manifest, a change of it, and what somebody does to it in the console.

A new kind adds its row here, and the contract suite runs on it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import reconciler.emulator.kinds as emulator_kinds
import reconciler.kinds as product_kinds
from tests.support.project import Project, manifest

MADE_UP = Path(__file__).parent / "made_up_kind"
CODE = "module.exports = async () => ({});\n"


@dataclass(frozen=True)
class Example:
    """One kind by example.

    ``changed`` are spec fields that replace those of ``spec``; ``edit`` is a console's merge patch of the wire form, ``label``
    where drift must show it, ``edited`` a text that drift must show; ``undeclared`` are live fields that no manifest declares.
    Secrets come from the environment variable ``SECRET_ONE``.
    """

    kind: str
    spec: Mapping[str, Any]
    changed: Mapping[str, Any]
    edit: Mapping[str, Any]
    label: str
    edited: str
    needs: tuple[dict[str, Any], ...] = ()
    undeclared: Mapping[str, Any] = field(default_factory=dict)

    def manifest(self, **changes: Any) -> dict[str, Any]:
        """The manifest, with other spec fields where ``changes`` says so."""
        return manifest(self.kind, "example", {**self.spec, **changes})

    def write(self, project: Project, **changes: Any) -> None:
        """Put the manifest and those that it needs into the project."""
        project.write("code/index.js", CODE)
        project.environ.setdefault("SECRET_ONE", "example-secret-1")
        project.put("example.yaml", self.manifest(**changes))
        if self.needs:
            project.put("needs.yaml", *self.needs)


_OBJECT = {"type": "object", "properties": {"id": {"type": "string"}}}
_ACTION = {"runtime": "nodejs20", "code": {"path": "code"}, "inputs": _OBJECT, "outputs": _OBJECT}
_TABLE = {"primaryKey": "id", "columns": {"id": "string", "age": "number"}}

EXAMPLES = {
    example.kind: example
    for example in (
        Example(
            "Connector",
            {
                "description": "The CRM",
                "connectorType": "CUSTOM",
                "endpointUrl": "https://crm.example.com/api",
                "version": "1.0.0",
                "lifecycleStatus": "ACTIVE",
                "authentication": {
                    "type": "BASIC",
                    "credentials": {"username": "svc", "password": "${secret:env:SECRET_ONE}"},
                },
                "mappings": [
                    {"cxoneField": "id", "crmField": "Id", "direction": "INBOUND"},
                    {"cxoneField": "phone", "crmField": "Mobile", "direction": "INBOUND"},
                ],
            },
            {"endpointUrl": "https://crm.example.com/v2", "version": "1.1.0", "lifecycleStatus": "INACTIVE"},
            {"endpointUrl": "https://evil.example.com/"},
            "endpointUrl",
            "https://evil.example.com",
            undeclared={"syncSettings": {"batchSize": 77}},
        ),
        Example(
            "Dataset",
            {"description": "People", **_TABLE},
            {"columns": {"id": "string", "age": "number", "mail": {"type": "string", "maxLength": 80}}},
            {"columns": {"sneaked": "date"}},
            "columns.sneaked",
            "date",
        ),
        Example(
            "DataExtension",
            {
                "description": "Profiles",
                "storageLimitMb": 20,
                "fields": [
                    {"name": "id", "type": "string", "maxLength": 20, "nullable": False},
                    {"name": "since", "type": "date"},
                ],
            },
            {"storageLimitMb": 30},
            {"storageLimitMb": 999},
            "storageLimitMb",
            "999",
        ),
        Example(
            "DataAction",
            {
                "description": "Finds the caller",
                **_ACTION,
                "environment": {"REGION": "eu", "KEY": "${secret:env:SECRET_ONE}"},
            },
            {"environment": {"REGION": "us", "KEY": "${secret:env:SECRET_ONE}"}},
            {"environment": {"REGION": "mars"}},
            "environment.REGION",
            "mars",
            undeclared={"timeoutSeconds": 12},
        ),
        Example(
            "EventStream",
            {"description": "Calls", "actionRef": "helper", "eventTypes": ["call", "chat"], "status": "ACTIVE"},
            {"eventTypes": ["email", "call"]},
            {"status": "PAUSED"},
            "status",
            "PAUSED",
            needs=(manifest("DataAction", "helper", _ACTION),),
        ),
        Example(
            "Skill",
            {
                "description": "Speaks Norwegian",
                "channel": "voice",
                "tags": ["language", "nordic"],
                "settings": {"region": "no", "token": "${secret:env:SECRET_ONE}"},
                "datasetRef": "people",
            },
            {"channel": "chat", "tags": ["nordic"]},
            {"tags": ["language", "nordic", "wrong"]},
            "tags",
            "wrong",
            needs=(manifest("Dataset", "people", _TABLE),),
            undeclared={"level": 7},
        ),
    )
}


@contextmanager
def made_up_kinds() -> Iterator[None]:
    """Drop the made-up kind's one file into the product's registry, and its own reading into the emulator's."""
    added = [(product_kinds, MADE_UP / "reconciler"), (emulator_kinds, MADE_UP / "emulator")]
    for package, folder in added:
        package.__path__.append(str(folder))
    emulator_kinds.all_kinds.cache_clear()
    try:
        yield
    finally:
        for package, folder in added:
            package.__path__.remove(str(folder))
            sys.modules.pop(f"{package.__name__}.skill", None)
            vars(package).pop("skill", None)
        emulator_kinds.all_kinds.cache_clear()
