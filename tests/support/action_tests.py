"""A project with an action that takes square roots, and tests of it that pass or fail."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.project import Project, Ran, manifest

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed: actions can't run here")
SOURCE = """
module.exports = async (context, inputs) => {
  context.logger.info('asked', {n: inputs.n});
  if (inputs.n < 0) throw new RangeError(`no root of ${inputs.n}`);
  return {root: Math.sqrt(inputs.n), whole: Number.isInteger(Math.sqrt(inputs.n)), key: process.env.KEY, more: {a: 1, b: [2]}};
};
"""
OUTPUTS = {
    "properties": {
        "root": {"type": "number"},
        "whole": {"type": "boolean"},
        "key": {"type": "string"},
        "more": {"type": "object"},
    }
}


def action(name: str = "root", code: str = "actions/root", **more: Any) -> dict[str, Any]:
    """The action that takes roots."""
    spec = {
        "runtime": "nodejs20",
        "code": {"path": code},
        "inputs": {"properties": {"n": {"type": "number"}}, "required": ["n"]},
        "outputs": OUTPUTS,
    }
    return manifest("DataAction", name, spec | more)


def case(name: str, n: float, expect: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A test of it, for the root of ``n``."""
    return {"name": name, "inputs": {"n": n}, "expect": expect} | more


FOUR = case("four", 4, {"root": 2, "whole": True})
WRONG = case("wrong", 2, {"root": 1, "whole": True, "more": {"b": [3]}})
NEGATIVE = case("negative", -1, {"root": 1})


def project_at(root: Path, *tests: dict[str, Any], **more: Any) -> Project:
    """A project with the action and some tests of it."""
    project = Project.create(root, **more)
    project.write("actions/root/index.js", SOURCE)
    project.put("action.yaml", action(tests=list(tests)))
    return project


def passing_at(root: Path) -> Project:
    """A project whose tests pass, applied."""
    project = project_at(root, FOUR, case("Nine", 9, {"root": 3.0, "key": None}))
    project.apply()
    return project


def outcomes(ran: Ran) -> dict[str, str]:
    """How each test of a run ended."""
    return {test["name"]: test["outcome"] for suite in ran.json["actions"] for test in suite["tests"]}


def one(ran: Ran, name: str) -> dict[str, Any]:
    """A test of a run, by its name."""
    (found,) = [test for suite in ran.json["actions"] for test in suite["tests"] if test["name"] == name]
    return dict(found)
