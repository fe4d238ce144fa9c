"""The base of the models that files are validated by, and what all of them call a name."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from reconciler.interrupts import ctrl_c_waits

LABEL_PATTERN: Final = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
"""An RFC 1123 label: what a manifest, a project or a file of guards is called."""


class Model(BaseModel):
    """A map in a file: strict, closed, camelCase on the outside. Models are built on first use, so that starting stays cheap."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", strict=True, frozen=True, defer_build=True)

    @classmethod
    def model_rebuild(cls, *, _parent_namespace_depth: int = 2, **options: Any) -> bool | None:
        """Build the model's validator (pydantic calls this on first use), in one piece.

        A Ctrl-C in the midst of it would be lost, and a pattern be replaced by words that nothing matches.
        """
        with ctrl_c_waits():
            return super().model_rebuild(_parent_namespace_depth=_parent_namespace_depth + 1, **options)
