"""What writing drift back came to, as JSON."""

from __future__ import annotations

from reconciler.core.compare import FieldChange
from reconciler.core.diagnostic import Mark
from reconciler.core.resource import Key
from reconciler.core.written_back import Item, WrittenBack

W, V = Key("Widget", "w"), Key("Widget", "v")
FIELD = FieldChange(("parts", "p", "x"), "theirs", 1, 1, 2, keyed=1)


def test_both_lists_and_the_files() -> None:
    found = WrittenBack(
        (Item(W, FIELD, Mark("a.yaml", 3, 9)),),
        (Item(V, None, None, "it is gone"), Item(W, FIELD, None, "a fragment says it")),
        ("a.yaml",),
    )
    assert found.to_json() == {
        "written": [{"key": "Widget/w", "path": "parts[p].x", "file": "a.yaml", "line": 3}],
        "left": [
            {"key": "Widget/v", "path": "", "reason": "it is gone"},
            {"key": "Widget/w", "path": "parts[p].x", "reason": "a fragment says it"},
        ],
        "files": ["a.yaml"],
    }
    assert WrittenBack().to_json() == {"written": [], "left": [], "files": []}
