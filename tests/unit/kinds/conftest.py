from pathlib import Path

import pytest

from reconciler.kinds import load_kinds
from reconciler.loading.yaml import parse_text

ROOT = Path(__file__).resolve().parents[3]
CASES = Path(__file__).parent / "cases"


def read_documents(text, name="test.yaml"):
    """The values of a YAML text's documents; the text has to be readable."""
    documents, diagnostics = parse_text(text, name)
    assert not diagnostics, diagnostics
    return [document.value for document in documents if document.value is not None]


@pytest.fixture
def kinds():
    return load_kinds()


@pytest.fixture
def repository():
    return ROOT


@pytest.fixture
def read_yaml():
    return read_documents


@pytest.fixture(params=sorted(path.stem for path in CASES.glob("*.yaml")))
def case(request):
    """One example of a kind: a spec, the specs of manifests that it refers to, and what is expected to be found."""
    path = CASES / f"{request.param}.yaml"
    (value,) = read_documents(path.read_text(encoding="utf-8"), path.name)
    return value
