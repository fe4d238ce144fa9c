import json
import subprocess
import sys

import pytest

from reconciler import kinds as package
from reconciler.core.normalise import NORMALISERS
from reconciler.kinds import load_kinds
from reconciler.kinds.schema import fields_of, manifest_schema, starter

MADE_UP = '''
"""A made-up kind."""

from pydantic import Field

from reconciler.core.kind import Kind, Wire
from reconciler.kinds.parts.base import Spec


class SkillSpec(Spec):
    """A skill."""

    priority: int = Field(description="How much it counts.", examples=[3])


KIND = Kind(
    name="{name}",
    kind_class="resource",
    spec=SkillSpec,
    summary="A skill.",
    wire=Wire(collection="/api/v2/skills", read_scopes=("skills:read",), write_scopes=("skills:write",)),
)
'''


@pytest.fixture
def extra_folder(tmp_path, monkeypatch):
    """A folder that counts as part of the package of kinds for one test."""
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("reconciler.kinds.made_up")]:
        del sys.modules[name]


def test_all_kinds_of_the_design_are_there_in_order(kinds):
    classes = {name: kind.kind_class for name, kind in kinds.items()}
    assert list(classes) == sorted(classes)
    assert classes == {
        "Connector": "resource",
        "ConnectorSync": "job",
        "DataAction": "resource",
        "DataExtension": "resource",
        "Dataset": "resource",
        "EventStream": "resource",
        "ExtensionSync": "job",
        "FieldMapping": "fragment",
        "Ingestion": "job",
        "StreamSink": "job",
    }


def test_one_new_file_is_a_new_kind(extra_folder):
    (extra_folder / "made_up_skill.py").write_text(MADE_UP.replace("{name}", "Skill"), encoding="utf-8")
    kind = load_kinds()["Skill"]
    assert "priority: 3" in starter(kind, "german")
    assert [item.path for item in fields_of(kind)] == ["name", "description", "priority"]
    assert manifest_schema(kind)["properties"]["kind"]["const"] == "Skill"


def test_two_files_cannot_describe_the_same_kind(extra_folder):
    (extra_folder / "made_up_dataset.py").write_text(MADE_UP.replace("{name}", "Dataset"), encoding="utf-8")
    with pytest.raises(ValueError, match="Dataset"):
        load_kinds()


def test_files_without_a_kind_are_no_kinds(extra_folder):
    (extra_folder / "made_up_nothing.py").write_text('KIND = "nothing"\n', encoding="utf-8")
    assert "nothing" not in load_kinds()


def test_what_a_kind_names_exists(kinds):
    """Data without a type checker: every path, normaliser and kind that a KIND value names leads somewhere."""
    for kind in kinds.values():
        known = {item.plain_path for item in fields_of(kind)}
        wire = known | {item.wire_field for item in kind.references} | {item.wire_field for item in kind.fragments}
        for item in (*kind.references, *kind.fragments):
            assert item.spec_field in known
            assert set(getattr(item, "kinds", ())) <= set(kinds)
        for path in (*kind.keyed_lists, *kind.sets, *kind.whole, *kind.defaults, *kind.secret_fields, *kind.json_files):
            assert path in wire, (kind.name, path)
        assert set(kind.normalisers.values()) <= set(NORMALISERS)
        for path in kind.normalisers:
            assert path.split(".")[0] in wire
        assert (kind.wire is not None) == (kind.kind_class == "resource")
        assert kind.volatile <= kind.read_only
        assert kind.required <= wire
        assert not kind.read_only & known


def test_loading_kinds_is_cheap():
    """Neither JSON Schema checks nor HTTP, output or YAML are imported before something needs them."""
    code = (
        "import sys, json; from reconciler.kinds import load_kinds; load_kinds(); "
        "print(json.dumps([name for name in sys.argv[1:] if name in sys.modules]))"
    )
    names = ["jsonschema_rs", "httpx2", "rich", "ruamel", "starlette", "click", "reconciler.kinds.schema"]
    done = subprocess.run([sys.executable, "-c", code, *names], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
