"""What Terraform is given for comparison: as many `terraform_data`, applied already, with no provider and no network at all.

Two sizes of them. "Bare": two values each, the least that a resource can be. "Same": what our manifests of the same run say, value by
value, and the same references, so that both sides read, hold and compare the same desired state.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import uuid
from pathlib import Path
from typing import Any

import yaml
from generate import documents
from measure import Run, run


def terraform(count: int, *, bare: bool) -> Run | None:
    """`terraform plan` of ``count`` resources that exist already; None where Terraform is not installed.

    The state is written as an apply would leave it: applying 10,000 of them takes Terraform many minutes.
    """
    if shutil.which("terraform") is None:
        return None
    inputs = [bare_input(n) for n in range(count)] if bare else same_inputs(count)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "main.tf").write_text("".join(block(n, value) for n, value in enumerate(inputs)))
        Path(folder, "terraform.tfstate").write_text(json.dumps(state(inputs)))
        env = {"TF_CLI_CONFIG_FILE": "", "CHECKPOINT_DISABLE": "1"}
        run(["terraform", "init", "-no-color"], cwd=Path(folder), env=env)
        done = run(["terraform", "plan", "-no-color"], cwd=Path(folder), env=env)
        assert "No changes" in done.stdout, done.stdout[-500:] + done.stderr[-500:]
        return done


class Reference(str):
    """The name of a resource whose id is the value."""

    __slots__ = ()


def bare_input(n: int) -> Any:
    """Two values."""
    return {"name": f"resource-{n}", "priority": n}


def same_inputs(count: int) -> list[Any]:
    """What the manifests say; a stream's action is a reference here, too."""
    found = []
    for text in documents(count):
        manifest = yaml.load(text, yaml.CSafeLoader)
        value = {"kind": manifest["kind"], "metadata": manifest["metadata"], "spec": manifest["spec"]}
        if (action := value["spec"].get("actionRef")) is not None:
            value["spec"]["actionRef"] = Reference(f"r{action.removeprefix('action-')}")
        found.append(value)
    return found


def block(n: int, value: Any) -> str:
    """The configuration of a resource."""
    return f'resource "terraform_data" "r{n}" {{\n  input = {expression(value)}\n}}\n'


def expression(value: Any, indent: str = "  ") -> str:
    """A value in Terraform's language, laid out as people do."""
    if isinstance(value, Reference):
        return f"terraform_data.{value}.id"
    inner = indent + "  "
    if isinstance(value, dict):
        items = "".join(f"{inner}{name} = {expression(item, inner)}\n" for name, item in value.items())
        return f"{{\n{items}{indent}}}"
    if isinstance(value, list):
        items = "".join(f"{inner}{expression(item, inner)},\n" for item in value)
        return f"[\n{items}{indent}]"
    return json.dumps(value).replace("${", "$${")


def state(inputs: list[Any]) -> dict[str, Any]:
    """Terraform's state (version 4) in which all of it was applied."""
    return {
        "version": 4,
        "terraform_version": "1.11.0",
        "serial": 1,
        "lineage": str(uuid.UUID(int=7)),
        "outputs": {},
        "resources": [_resource(n, value) for n, value in enumerate(inputs)],
        "check_results": None,
    }


def _resource(n: int, value: Any) -> dict[str, Any]:
    typed = {"value": _known(value), "type": _type(value)}
    attributes = {"id": _id(n), "input": typed, "output": typed, "triggers_replace": None}
    instance = {"schema_version": 0, "attributes": attributes, "sensitive_attributes": []}
    needs = [f"terraform_data.{value['spec']['actionRef']}"] if "actionRef" in value.get("spec", {}) else []
    return {
        "mode": "managed",
        "type": "terraform_data",
        "name": f"r{n}",
        "provider": 'provider["terraform.io/builtin/terraform"]',
        "instances": [{**instance, "dependencies": needs} if needs else instance],
    }


def _id(n: int) -> str:
    return str(uuid.UUID(int=n + 1))


def _known(value: Any) -> Any:
    """A value with each reference replaced by the id that it stands for."""
    if isinstance(value, Reference):
        return _id(int(value[1:]))
    if isinstance(value, dict):
        return {name: _known(item) for name, item in value.items()}
    return [_known(item) for item in value] if isinstance(value, list) else value


def _type(value: Any) -> Any:
    """The type of a value, as Terraform's state writes it down."""
    if isinstance(value, dict):
        return ["object", {name: _type(item) for name, item in value.items()}]
    if isinstance(value, list):
        return ["tuple", [_type(item) for item in value]]
    if isinstance(value, bool):
        return "bool"
    return "number" if isinstance(value, int | float) else "string"
