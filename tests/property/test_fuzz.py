"""Anything at all in the files that are read: an exit code of the documentation, a message, and never a traceback.

What goes in is the sample project, the starters of all kinds, a plan and the state of an apply, made wrong by
`tests.support.mutations`. A few thousand each time; with the profile ``acceptance``, 100,000 manifests and 10,000 of each of the others.
What went wrong is named by its number: the same number makes the same file again.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from reconciler.core.plandigest import plan_digest
from reconciler.engine.state.journal_lines import line_of
from tests.support.hostile_values import unprintable
from tests.support.kind_examples import CODE
from tests.support.mutations import mutate_bytes, mutate_tree
from tests.support.profile import ACCEPTANCE
from tests.support.project import Project, Ran
from tests.support.tenant_project import action, connector, dataset, stream

SAMPLE = Path(__file__).parents[2] / "manifests"
SHARDS = 8
MANIFESTS, OTHERS = (100_000, 10_000) if ACCEPTANCE else (1_200, 320)
START = int(os.environ.get("FUZZ_START", "0"))
"""The first number, where others than those of every day are wanted."""

KINDS = (
    *("Connector", "Dataset", "DataExtension", "DataAction", "EventStream", "FieldMapping"),
    *("Ingestion", "ConnectorSync", "ExtensionSync", "StreamSink"),
)
PLAN_FORMATS = ("text", "json", "markdown", "html", "github")


def numbers(shard: int, count: int) -> Iterator[int]:
    """The numbers of one of the shards, which run side by side."""
    yield from range(START + shard, START + count, SHARDS)


def sound(ran: Ran, codes: tuple[int, ...], form: str = "text") -> Ran:
    """A command's end is one of these codes, told in words, and its document is what its format says."""
    assert not ran.trace, ran.trace
    assert ran.code in codes, ran.all
    assert ran.code in (0, 2) or ran.out or ran.err, "nothing said"
    assert not unprintable(ran.err), f"{unprintable(ran.err)} on stderr"
    if form == "json" and ran.out:
        assert isinstance(json.loads(ran.out), dict)
    elif form == "junit" and ran.out:
        ElementTree.fromstring(ran.out)
    elif form == "github":
        assert all(line.startswith(("::error", "::warning", "::notice")) for line in ran.out.split("\n")[:-1]), ran.out
    if form != "html":
        assert not unprintable(ran.out), f"{unprintable(ran.out)} on stdout"
    return ran


@dataclass
class Fuzzed:
    """A project one of whose files is made wrong; ``texts`` are what mutations begin with, ``trees`` the same as data."""

    project: Project
    texts: list[bytes]
    trees: list[list[Any]]

    def make(self, number: int) -> bytes:
        """The text of a number: the first half by bytes, the other by structure."""
        chance = random.Random(number)
        index = chance.randrange(len(self.texts))
        if chance.random() < 0.5:
            return mutate_bytes(self.texts[index], chance, self.texts)
        documents = list(self.trees[index])
        which = chance.randrange(len(documents))
        documents[which] = mutate_tree(documents[which], chance)
        try:
            text = "\n---\n".join(json.dumps(item, ensure_ascii=chance.random() < 0.5) for item in documents)
        except RecursionError:  # deeper than this library writes; bytes can be as deep
            return mutate_bytes(self.texts[index], chance, self.texts)
        return text.encode("utf-8", "surrogatepass")


def trees(text: bytes) -> list[Any]:
    """The documents of a YAML text as what JSON can say."""
    found = YAML(typ="safe", pure=True).load_all(text)
    return [
        json.loads(json.dumps(item, default=lambda value: value.isoformat() if isinstance(value, date) else str(value)))
        for item in found
        if item is not None
    ]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Fuzzed:
    """The sample project with one more folder of manifests, and a project file that reads that alone."""
    root = tmp_path_factory.mktemp("fuzz") / "sample"
    shutil.copytree(SAMPLE, root)
    project = Project(root)
    starters = [project.run("new", kind, "one").ok().out.encode() for kind in KINDS]
    texts = [path.read_bytes() for path in sorted(root.rglob("*.yaml")) if path.parent.name != "targets"]
    texts = [text for text in texts if b"kind: Project" not in text] + starters
    text = (root / "reconciler.yaml").read_text().replace("[crm, tables, actions, streams, jobs]", "[fuzzed]")
    (root / "reconciler.yaml").write_text(text)
    (root / "fuzzed").mkdir()
    return Fuzzed(project, texts, [trees(text) for text in texts])


@pytest.mark.parametrize("shard", range(SHARDS))
def test_manifests(sample: Fuzzed, shard: int) -> None:
    project = sample.project
    path = project.root / "fuzzed" / "one.yaml"
    for number in numbers(shard, MANIFESTS):
        data = sample.make(number)
        path.write_bytes(data)
        form = ("text", "json", "github", "junit")[number // SHARDS % 4]
        checked = sound(project.run("validate", "--format", form), (0, 1, 78), form)
        turn = number // SHARDS % 32
        if turn == 5:
            sound(project.run("graph", "--format", ("mermaid", "dot")[number % 2]), (0, 1, 78))
        elif turn == 13:
            sound(project.run("fmt", "--diff"), (0, 1, 78))
        elif turn == 21 and checked.code == 0:
            form = PLAN_FORMATS[number % 5]
            sound(project.run("plan", "--format", form), (0, 1, 6, 78), form)
        elif turn == 29 and checked.code == 0:
            project.run("fmt").ok()
            assert project.run("validate").code == 0, f"laid out, {number} is valid no more"


@pytest.mark.parametrize("shard", range(SHARDS))
def test_project_files(tmp_path: Path, shard: int) -> None:
    project = Project(tmp_path / "project")
    shutil.copytree(SAMPLE, project.root)
    files = [project.root / "reconciler.yaml", project.root / "targets" / "prod.yaml"]
    texts = [path.read_bytes() for path in files]
    fuzzed = Fuzzed(project, texts[:1], [trees(texts[0])])
    for number in numbers(shard, OTHERS):
        files[0].write_bytes(fuzzed.make(number))
        command = (["validate"], ["ledger", "list"], ["audit"], ["graph"], ["validate", "-t", "prod"])[number % 5]
        sound(project.run(*command), (0, 1, 64, 78))


def applied(root: Path) -> Project:
    """A project that was applied, with a plan of a further change beside it, and none of it sent yet."""
    project = Project.create(root)
    project.environ["SECRET_ONE"] = "first-secret-value"
    project.write("code/index.js", CODE)
    project.put("all.yaml", connector("crm"), action("enrich", environment={"KEY": "${secret:env:SECRET_ONE}"}))
    project.put("more.yaml", stream("calls", "enrich"), dataset("people"), dataset("orders"))
    project.apply()
    project.put("more.yaml", stream("calls", "enrich"), dataset("people", description="second"), dataset("claims"))
    project.run("plan", "--prune", "--out", "plan.json").ok()
    return project


@pytest.mark.parametrize("shard", range(SHARDS))
def test_plan_files(tmp_path: Path, shard: int) -> None:
    """By bytes; and by structure, with a digest that fits again, as somebody would who means it."""
    project = applied(tmp_path / "project")
    path = project.root / "plan.json"
    text = path.read_bytes()
    tree = json.loads(text)
    for number in numbers(shard, OTHERS):
        chance = random.Random(number)
        if number // SHARDS % 4 == 0:
            path.write_bytes(mutate_bytes(text, chance, [text]))
        else:
            data = mutate_tree(tree, chance)
            if isinstance(data, dict):
                data["planDigest"] = digest(data)
            path.write_text(json.dumps(data))
        form = ("text", "json", "markdown", "html")[number % 4]
        sound(project.run("show", "plan.json", "--format", form), (0, 1), form)
        if number // SHARDS % 8 == 3:
            sound(project.run("apply", "plan.json", "--no-input"), (0, 1, 4, 5, 6, 78))


def digest(data: dict[str, Any]) -> str:
    """The digest that a plan's reader wants; none where there cannot be one."""
    try:
        return plan_digest(data)
    except (ValueError, TypeError, RecursionError):
        return ""


@pytest.mark.parametrize("shard", range(SHARDS))
def test_ledgers(tmp_path: Path, shard: int) -> None:
    project = applied(tmp_path / "project")
    names = ("ledger.json", "ledger.json", "journal.ndjson", "audit.ndjson")
    originals = {name: (project.state / name).read_bytes() for name in names}
    for number in numbers(shard, OTHERS):
        chance = random.Random(number)
        name = names[number // SHARDS % 4]
        (project.state / name).write_bytes(damaged(name, originals[name], chance))
        commands = (["ledger", "list"], ["ledger", "show", "Dataset/people"], ["ledger", "verify"], ["audit"])
        for command in (chance.choice(commands), ["ledger", "verify", "--format", "json"]):
            sound(project.run(*command), (0, 1, 64), "json" if "json" in command else "text")
        if number // SHARDS % 8 in (1, 6):
            command = chance.choice((["plan"], ["drift"], ["plan", "--format", "json"], ["audit", "--verify"]))
            sound(project.run(*command), (0, 1, 2, 6), "json" if "json" in command else "text")
        (project.state / name).write_bytes(originals[name])


def damaged(name: str, text: bytes, chance: random.Random) -> bytes:
    """A file of the state by bytes, or one of its records by structure, with the journal's checksum made anew."""
    if chance.random() < 0.4:
        return mutate_bytes(text, chance, [text])
    if name == "ledger.json":
        return json.dumps(mutate_tree(json.loads(text), chance)).encode()
    lines = text.splitlines(keepends=True)
    which = chance.randrange(len(lines))
    if name == "audit.ndjson":
        lines[which] = json.dumps(mutate_tree(json.loads(lines[which]), chance)).encode() + b"\n"
        return b"".join(lines)
    record = mutate_tree(json.loads(lines[which].partition(b" ")[2]), chance)
    try:
        lines[which] = line_of(record)
    except TypeError:  # numbers and texts that its writer cannot write at all
        lines[which] = b""
    return b"".join(lines)
