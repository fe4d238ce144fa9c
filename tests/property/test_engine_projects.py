"""Generated projects of all kinds, by the real commands on the embedded emulator: what must hold whatever is declared.

Few examples and rich ones: each is a whole project with several resources of every kind, and the next state of it.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from reconciler.kinds import load_kinds
from tests.support.emulator import running_emulator
from tests.support.generated_projects import KINDS, Specs, projects
from tests.support.project import Project, manifest

FEW = settings(
    max_examples=3, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate], database=None
)
"""Each example is a dozen commands; a failing one is shown as it is, since shrinking it would take longer than reading it."""


@contextmanager
def _project(url: str = "") -> Iterator[Project]:
    with tempfile.TemporaryDirectory() as folder:
        project = Project.create(
            Path(folder).resolve(),
            url=url,
            prune=True,
            guards={"maxDeletes": 100, "maxDeletePercent": 100, "maxUpdatePercent": 100},
        )
        project.write("code/index.js", "module.exports = async () => ({});\n")
        project.environ["SECRET_ONE"] = "generated-secret"
        yield project


def _manifests(specs: Specs) -> list[dict[str, Any]]:
    return [manifest(kind, name, spec) for (kind, name), spec in specs.items()]


def _content(found: Mapping[str, Any]) -> Any:
    """What is live, without what no two tenants share."""
    server = {"id", "etag", "createdTime", "lastModifiedTime", "lastModifiedBy"}
    state = {kind: {item["name"]: item for item in items} for kind, items in found["resources"].items()}
    names = {item["id"]: name for items in state.values() for name, item in items.items()}
    text = json.dumps(
        {
            kind: {name: {k: v for k, v in item.items() if k not in server} for name, item in items.items()}
            for kind, items in state.items()
        },
        sort_keys=True,
    )
    for resource_id, name in names.items():
        text = text.replace(resource_id, f"id of {name}")
    return json.loads(text)


@FEW
@given(projects(), projects())
def test_plan_after_apply_is_empty(first: Specs, second: Specs) -> None:
    """From nothing to the first state, to the second, back to nothing: each time, all of it at once."""
    with _project() as project:
        for specs in (first, second):
            project.clear()
            project.put("all.yaml", *_manifests(specs))
            project.apply()
            project.converged()
            assert project.run("drift").ok(0)
        once = _content(project.control("GET", "state"))
    with _project() as project:
        project.put("all.yaml", *_manifests(second))
        project.apply()
        fresh = _content(project.control("GET", "state"))
    assert {kind: set(items) for kind, items in once.items()} == {kind: set(items) for kind, items in fresh.items()}


def _limits(writes: int) -> dict[str, Any]:
    """Fault rules that let so many writes pass and refuse all others."""
    rules: list[dict[str, Any]] = []
    for method in ("POST", "PATCH", "DELETE"):
        match = {"match": {"method": method, "path": "/api/v2/*"}}
        rules.append({**match, "effect": {"status": 422}})
        if writes:
            rules.insert(0, {**match, "times": writes, "effect": {"delaySeconds": 0}})
    return {"rules": rules}


@FEW
@given(projects(), projects(), st.integers(0, 3))
def test_any_prefix_converges(first: Specs, second: Specs, writes: int) -> None:
    """The tenant begins to refuse after some writes; healed, planning and applying again ends where one run would."""
    ends = []
    for limited in (False, True):
        with running_emulator() as emulator, _project(url=emulator.url) as project:
            for specs in (first, second):
                project.clear()
                project.put("all.yaml", *_manifests(specs))
                if limited:
                    emulator.control("POST", "faults", _limits(writes))
                    ran = project.run("apply", "--yes", "--parallelism", "2")
                    assert ran.code in (0, 1, 4), ran.all
                    emulator.control("DELETE", "faults")
                project.apply()
                project.converged()
            ends.append((_content(emulator.control("GET", "state")), sorted(project.entries)))
    assert ends[0] == ends[1]


_EDITS: Mapping[str, Mapping[str, Any]] = {
    "Dataset": {"description": "console was here", "columns": {"console": "date"}},
    "DataExtension": {"description": "console was here", "storageLimitMb": 1},
    "Connector": {"endpointUrl": "https://console.example.com", "syncSettings": {"syncIntervalMinutes": 99}},
    "DataAction": {"runtime": "nodejs18", "environment": {"CONSOLE": "1"}},
    "EventStream": {"description": "console was here", "status": "PAUSED"},
}
_UNDECLARED: Mapping[str, tuple[str, ...]] = {
    "Dataset": ("description",),
    "DataExtension": ("description", "storageLimitMb"),
    "Connector": ("description",),
    "DataAction": ("description", "timeoutSeconds"),
    "EventStream": ("description", "status", "eventTypes"),
}
_CONSOLE_VALUES: Mapping[str, Any] = {
    "description": "console was here",
    "storageLimitMb": 77,
    "timeoutSeconds": 13,
    "status": "PAUSED",
    "eventTypes": ["callback"],
}


@FEW
@given(projects(), projects())
def test_the_console_is_reverted_where_declared_and_let_be_elsewhere(first: Specs, second: Specs) -> None:
    with _project() as project:
        project.put("all.yaml", *_manifests(first))
        project.apply()
        declared = _content(project.control("GET", "state"))
        for kind, name in first:
            project.control("POST", "edit", {"kind": kind, "name": name, "patch": _EDITS[kind], "by": "maria@console"})
        edited = _content(project.control("GET", "state"))
        moved = {f"{kind}/{name}" for kind, name in first if kind in ("Dataset", "Connector") or kind == "DataAction"}
        found = project.run("drift", "--format", "json").ok(2).json
        assert moved <= set(found["drift"])
        project.apply()
        project.converged()
        live = _content(project.control("GET", "state"))
        for (kind, name), spec in first.items():
            for field in live[kind][name]:
                source = declared if field in spec or field in ("environment", "actionId") else edited
                if field != "syncSettings":
                    assert live[kind][name][field] == source[kind][name][field], (kind, name, field)
        _undeclared_survives(project, first, second)


def _undeclared_survives(project: Project, first: Specs, second: Specs) -> None:
    """What neither state declares is the console's, whatever else changes."""
    free = {
        (kind, name): [
            field for field in _UNDECLARED[kind] if field not in first[kind, name] and field not in second[kind, name]
        ]
        for kind, name in first.keys() & second.keys()
    }
    for (kind, name), fields in free.items():
        if fields:
            patch = {field: _CONSOLE_VALUES[field] for field in fields}
            project.control("POST", "edit", {"kind": kind, "name": name, "patch": patch})
    project.converged()
    project.clear()
    project.put("all.yaml", *_manifests(second))
    project.apply()
    live = _content(project.control("GET", "state"))
    for (kind, name), fields in free.items():
        assert {field: live[kind][name][field] for field in fields} == {
            field: _CONSOLE_VALUES[field] for field in fields
        }


def _bytes(project: Project, seed: str) -> str:
    """The plan, made in a process with its own hash seed, without its times and what depends on them."""
    plan = json.loads(project.process("plan", "--format", "json", PYTHONHASHSEED=seed).ok().out)
    for times in (plan["header"].pop("created"), plan["header"].pop("expires"), plan.pop("planDigest")):
        assert times
    return json.dumps(plan)


@settings(FEW, max_examples=2)
@given(projects(), projects(), st.randoms(use_true_random=False))
def test_the_plans_bytes_depend_on_the_content_alone(first: Specs, second: Specs, random: Any) -> None:
    """Neither on the order of files and documents, nor on the hash seed. The places that it names are left out."""
    with _project() as project:
        project.put("all.yaml", *_manifests(first))
        project.apply()
        found = set()
        for seed in ("0", "4711"):
            project.clear()
            documents = _manifests(second)
            random.shuffle(documents)
            for number, document in enumerate(documents):
                project.put(f"{number if seed == '0' else chr(122 - number)}.yaml", document)
            plan = json.loads(_bytes(project, seed))
            for change in plan["changes"]:
                change.pop("source")
                for field in change["fields"]:
                    field.pop("source", None)
            plan["header"].pop("manifests")
            found.add(json.dumps(plan))
        assert len(found) == 1


def test_the_same_files_give_the_same_bytes_whatever_the_hash_seed(tmp_path: Path) -> None:
    project = Project.create(tmp_path)
    project.put(
        "all.yaml", *(manifest("Dataset", f"d{n}", {"primaryKey": "id", "columns": {"id": "string"}}) for n in range(9))
    )
    assert len({_bytes(project, seed) for seed in ("0", "1")}) == 1


def test_all_kinds_are_generated() -> None:
    resources = {kind.name for kind in load_kinds().values() if kind.kind_class == "resource"}
    assert resources == {*KINDS, "EventStream"} == set(_EDITS) == set(_UNDECLARED)
