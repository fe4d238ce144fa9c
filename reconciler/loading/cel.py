"""The Common Expression Language, in which a project writes guards: the only home of the library that evaluates it.

CEL always ends and reaches nothing but what it is given. Of `common-expression-language` (the Rust crate `cel` with Python
bindings, released several times a year, the only maintained one that is compiled) this module knows the weak places: very long
or deep input overflows its stack, and a defect in it surfaces as a `BaseException`. Both are kept from the caller here. What
may be misspelt (variables, fields, functions) is looked for when an expression is compiled, since the library itself would
notice only when it is evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, Final

from reconciler.core.guard_view import COMMON, FIELDS
from reconciler.core.projection import Paths
from reconciler.loading.cel_reads import NoSuchField, bound_names, reads, without_literals
from reconciler.loading.suggest import did_you_mean

LONGEST: Final = 4000
"""Characters of an expression."""

FUNCTIONS: Final = frozenset(
    [
        "size",
        "contains",
        "startsWith",
        "endsWith",
        "matches",
        "has",
        "all",
        "exists",
        "exists_one",
        "map",
        "filter",
        "int",
        "uint",
        "double",
        "string",
        "bytes",
        "timestamp",
        "duration",
        "dyn",
        "type",
        "getFullYear",
        "getMonth",
        "getDate",
        "getDayOfMonth",
        "getDayOfWeek",
        "getDayOfYear",
        "getHours",
        "getMinutes",
        "getSeconds",
        "getMilliseconds",
    ]
)
"""The functions and macros that an expression may call."""

_TYPES: Final = frozenset(
    ["int", "uint", "double", "bool", "string", "bytes", "list", "map", "null_type", "type", "timestamp", "duration"]
)
_PLACE: Final = re.compile(r"<input>:(\d+):(\d+): (?:Syntax error: )?([^\n]*)")


class ExpressionError(Exception):
    """An expression that cannot be compiled or evaluated: why, and where in its text (from 1) if that is known."""

    def __init__(self, message: str, line: int = 1, column: int = 1, *, fix: str = "") -> None:
        super().__init__(message)
        self.message, self.line, self.column, self.fix = message, line, column, fix


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression. ``reads`` says what it reads of each variable, ``items`` what of each of ``plan.changes``."""

    text: str
    reads: Mapping[str, Paths] = field(default_factory=dict)
    items: Paths = field(default_factory=dict)
    program: Any = field(default=None, repr=False, compare=False)

    def evaluate(self, context: Context) -> Any:
        """Its value; raises `ExpressionError`."""
        try:
            return self.program.execute(context.native)
        except BaseException as error:
            raise _failure(error) from error


class Context:
    """Variables by name, ready to be read by any number of expressions."""

    __slots__ = ("native",)

    def __init__(self, variables: Mapping[str, Any]) -> None:
        """Convert the variables; raises `ExpressionError` for a value that has no place in CEL."""
        import cel

        try:
            self.native = cel.Context(dict(variables))
        except BaseException as error:
            raise _failure(error) from error

    def put(self, name: str, value: Any) -> None:
        """Give a variable another value; raises `ExpressionError` as above."""
        try:
            self.native.add_variable(name, value)
        except BaseException as error:
            raise _failure(error) from error


def available() -> bool:
    """Whether the library is installed (the extra ``guards``)."""
    return find_spec("cel") is not None


def compile_expression(text: str, variable: str) -> Expression:
    """Compile an expression that reads ``variable`` (``change`` or ``plan``) and what all rules have.

    Raises `ExpressionError` for a syntax error and for a variable, field or function that there is not.
    """
    import cel

    if len(text) > LONGEST:
        raise ExpressionError(f"an expression has at most {LONGEST} characters, and this one has {len(text)}")
    try:
        program = cel.compile(text)
    except BaseException as error:
        raise _syntax(error) from error
    bare = without_literals(text)
    variables, known = frozenset(program.variables()) - bound_names(bare), {variable, *COMMON}
    for name in sorted(variables - known - _TYPES):
        raise _unknown(bare, name, f"there is no variable `{name}` here", did_you_mean(name, known, what="variables"))
    for name in program.functions():
        if name[:1].isalpha() and name not in FUNCTIONS:
            raise _unknown(bare, name, f"there is no function `{name}`", did_you_mean(name, FUNCTIONS))
    try:
        found, items = reads(bare, known.intersection(program.variables()))
    except NoSuchField as error:
        line, column = _place(bare, error.position)
        fix = did_you_mean(error.field, FIELDS[error.variable], what="fields")
        raise ExpressionError(f"`{error.variable}` has no field `{error.field}`", line, column, fix=fix) from error
    return Expression(text, found, items, program)


def _unknown(bare: str, name: str, message: str, fix: str) -> ExpressionError:
    match = re.search(rf"(?<![\w.])?\b{re.escape(name)}\b", bare)
    line, column = _place(bare, match.start() if match else 0)
    return ExpressionError(message, line, column, fix=fix)


def _place(text: str, position: int) -> tuple[int, int]:
    before = text[:position]
    return before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1


def _syntax(error: BaseException) -> ExpressionError:
    if isinstance(error, (KeyboardInterrupt, SystemExit)):
        raise error
    found = _PLACE.search(str(error))
    if found is None:
        return ExpressionError("this is not an expression that can be read")
    what = re.sub(r" expecting \{.*", "", found[3]).rstrip()
    what = re.sub(r"^\w+ input '<EOF>'", "it ends too early", what).replace("'<EOF>'", "the end")
    return ExpressionError(f"syntax error: {what}", int(found[1]), int(found[2]))


def _failure(error: BaseException) -> ExpressionError:
    """What went wrong at a value, in words that a rule's author can use; never the value itself."""
    if isinstance(error, (KeyboardInterrupt, SystemExit)):
        raise error
    if isinstance(error, KeyError):
        return ExpressionError(f"there is no {_short(error.args[0])} here", fix="ask `has(…)` or `… in …` first")
    if isinstance(error, ZeroDivisionError):
        return ExpressionError("division by zero")
    text = re.sub(r"\s+", " ", str(error)).split(". ")[0]
    return ExpressionError(_short(text) or type(error).__name__)


def _short(text: object) -> str:
    return str(text)[:200]


def message_parts(text: str) -> Iterator[tuple[bool, str, int]]:
    """The parts of a message: whether a part is an expression, its text, and where it begins. ``{{`` and ``}}`` are braces.

    Raises `ExpressionError` for a brace that is not closed or not opened.
    """
    plain, position = "", 0
    while position < len(text):
        char = text[position]
        if text[position : position + 2] in ("{{", "}}"):
            plain += char
            position += 2
        elif char == "{":
            end = text.find("}", position)
            if end < 0:
                raise ExpressionError("a brace is opened and not closed; write {{ for a brace", *_place(text, position))
            if plain:
                yield False, plain, position
            yield True, text[position + 1 : end], position + 1
            plain, position = "", end + 1
        elif char == "}":
            raise ExpressionError("a brace is closed and not opened; write }} for a brace", *_place(text, position))
        else:
            plain += char
            position += 1
    if plain:
        yield False, plain, position
