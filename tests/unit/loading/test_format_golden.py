"""What formatting makes of one text, one file a case in tests/golden/fmt."""

import pytest

from reconciler.errors import InvalidManifests
from reconciler.loading.format import format_text
from reconciler.render.diagnostics import render_diagnostics
from tests.support.cases import cases, check


def formatted(content):
    try:
        once = format_text(content, "manifest.yaml")
    except InvalidManifests as error:
        return render_diagnostics(error.diagnostics)
    assert format_text(once, "manifest.yaml") == once
    return once


@pytest.mark.parametrize("path", cases("fmt"), ids=lambda path: path.stem)
def test_case(path):
    check(path, formatted)
