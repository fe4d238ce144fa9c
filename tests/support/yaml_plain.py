"""YAML as plain values, for files that are not ours."""

from __future__ import annotations

from typing import Any

from ruamel.yaml import YAML


def load_yaml(text: str) -> Any:
    """Read one document; YAML 1.2, so that a workflow's ``on`` is a text."""
    return YAML(typ="safe", pure=True).load(text)
