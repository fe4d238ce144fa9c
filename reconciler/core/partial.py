"""Specs of which only a part is valid: what has been reported already is left out, and asking for it says so.

A kind's own check runs on such a spec too, so that everything wrong with a manifest is shown at once. What would rest on a part
that is not there must not be judged: it would only repeat, in other words, what was said about that part.
"""

from __future__ import annotations

from typing import Any, Final, NoReturn


class Unvalidated(Exception):
    """A part of a spec was asked for that is not valid; nothing can be concluded from it."""


class Hole:
    """Stands in a list or a map for an item that is not valid; whatever is done with it raises `Unvalidated`."""

    __slots__ = ()

    def __getattribute__(self, name: str) -> NoReturn:
        raise Unvalidated(name)

    def _raise(self, *_: Any) -> NoReturn:
        raise Unvalidated

    __bool__ = __len__ = __iter__ = __contains__ = __getitem__ = __call__ = _raise
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __hash__ = _raise
    __str__ = __repr__ = __format__ = __int__ = __float__ = __index__ = _raise
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _raise


HOLE: Final = Hole()
"""The one `Hole`."""
