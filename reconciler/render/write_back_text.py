"""What writing back came to, as text: where the manifests changed, and what is left for a person to decide."""

from __future__ import annotations

from reconciler.core.written_back import Item, WrittenBack
from reconciler.render.escape import visible


def render_write_back(result: WrittenBack) -> str:
    """Both lists, each item with its place; one line says where there is nothing."""
    lines: list[str] = []
    if result.written:
        files = f"{len(result.files)} file" + ("" if len(result.files) == 1 else "s")
        lines.append(f"Written back ({len(result.written)} in {files}): review the edits and commit them")
        lines += [f"  {_place(item)}{_field(item)}" for item in result.written]
    if result.left:
        lines.append(f"Left as it is ({len(result.left)}): to be decided by hand")
        lines += [f"  {_place(item)}{_field(item)}: {visible(item.reason)}" for item in result.left]
    return "\n".join(lines or ["Nothing to write back."])


def _place(item: Item) -> str:
    return f"{visible(item.mark.file)}:{item.mark.line} " if item.mark else ""


def _field(item: Item) -> str:
    label = f" {visible(item.field.label)}" if item.field else ""
    return f"{visible(str(item.key))}{label}"
