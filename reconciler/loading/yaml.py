"""Manifests as YAML: files and texts become documents that know where each of their values was written.

`parse_text` reads one text, `load_files` many files (with a `ParseCache`, if one is given), `discover` finds them. Nothing
here raises for what the user wrote: findings come back as diagnostics, together with all documents that could be read.
The parser itself is imported with the first text that is not in the cache.
"""

from __future__ import annotations

from reconciler.core.diagnostic import Diagnostic
from reconciler.loading.yaml_cache import ParseCache
from reconciler.loading.yaml_document import Document
from reconciler.loading.yaml_files import Loading, discover, load_files
from reconciler.loading.yaml_rules import RULES
from reconciler.loading.yaml_source import make_source

__all__ = ["RULES", "Document", "Loading", "ParseCache", "discover", "load_files", "parse_text"]


def parse_text(text: str | bytes, file: str) -> tuple[list[Document], list[Diagnostic]]:
    """Read the documents of one text; ``file`` is the name that marks carry.

    Empty documents are skipped, though they count in ``Document.index``. A document with a syntax error is left out; one
    with any other finding is given as far as it could be read.
    """
    from reconciler.loading.yaml_parse import parse_source

    return parse_source(make_source(text, file))
