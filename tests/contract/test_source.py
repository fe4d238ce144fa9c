"""What the source never does, whoever asks: no shell, no code out of data, no trust without a check."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "reconciler"
FILES = sorted(ROOT.rglob("*.py"))

MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "jsonpickle", "telnetlib", "ftplib", "yaml"}
"""Modules that make code out of data, or send secrets in the clear; PyYAML, whose ``load`` is the first of them."""

CALLS = {
    *("eval", "exec", "compile", "__import__", "os.system", "os.popen", "os.spawnl", "subprocess.getoutput"),
    *("subprocess.getstatusoutput", "tempfile.mktemp", "ssl._create_unverified_context", "hashlib.md5", "hashlib.sha1"),
    *("asyncio.create_subprocess_shell", "os.execvp", "os.execlp"),
}
KEYWORDS = {"shell": True, "verify": False, "verify_ssl": False, "check_hostname": False, "typ": "unsafe"}
PARSERS = ("xml.etree", "xml.dom", "xml.sax.expatreader", "lxml")
"""Readers of XML, which nothing here needs."""


def findings(tree: ast.AST) -> Iterator[str]:
    """What a file does that no file may."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            yield from (
                f"imports {name}" for name in names if name.split(".")[0] in MODULES or name.startswith(PARSERS)
            )
        elif isinstance(node, ast.Call):
            if (name := ast.unparse(node.func)) in CALLS:
                yield f"calls {name}"
            for word in node.keywords:
                if (
                    word.arg in KEYWORDS
                    and isinstance(word.value, ast.Constant)
                    and word.value.value == KEYWORDS[word.arg]
                ):
                    yield f"passes {word.arg}={word.value.value!r}"
        elif isinstance(node, ast.Attribute) and node.attr == "CERT_NONE":
            yield "trusts every certificate"
        elif isinstance(node, ast.Assign) and "check_hostname" in ast.unparse(node.targets[0]):
            yield "does not look at a certificate's name"


def test_nothing_of_the_kind_is_in_the_source() -> None:
    assert len(FILES) > 400
    found = {str(path.relative_to(ROOT)): list(findings(ast.parse(path.read_bytes()))) for path in FILES}
    assert {name: what for name, what in found.items() if what} == {}


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from marshal import loads",
        "import xml.etree.ElementTree as x",
        "eval(text)",
        "os.system('ls')",
        "subprocess.run(words, shell=True)",
        "httpx.Client(verify=False)",
        "YAML(typ='unsafe')",
        "context.verify_mode = ssl.CERT_NONE",
        "context.check_hostname = False",
        "hashlib.md5(data)",
    ],
)
def test_the_search_finds_it(code: str) -> None:
    assert list(findings(ast.parse(code)))
