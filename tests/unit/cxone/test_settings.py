"""A target's settings are plain data that cost nothing to import."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.cxone import target


def test_importing_settings_loads_no_http_library() -> None:
    code = "import sys, reconciler.cxone.settings; sys.exit(bool({'httpx2', 'anyio', 'orjson'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(("asked", "size"), [(500, 500), (100, 100), (5000, 500), (0, 1)])
def test_the_page_size_is_kept_within_the_contracts_bounds(asked: int, size: int) -> None:
    assert target("https://h", page_size=asked).effective_page_size == size
