"""JUnit XML, as CI systems read it: suites of cases that pass, fail or are skipped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal
from xml.sax.saxutils import escape, quoteattr

from reconciler.render.escape import visible


@dataclass(frozen=True, slots=True)
class Case:
    """One case: ``message`` and ``type`` say in short why it did not pass, ``text`` all there is to say."""

    name: str
    group: str
    state: Literal["passed", "failed", "skipped"] = "passed"
    message: str = ""
    type: str = ""
    text: str = ""


def render_junit(suites: Iterable[tuple[str, Sequence[Case]]]) -> str:
    """A document with a suite for each name. What is not printable (XML could not hold most of it) is shown as an escape."""
    body = "".join(_suite(name, cases) for name, cases in suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n{body}</testsuites>\n'


def _suite(name: str, cases: Sequence[Case]) -> str:
    failed, skipped = (sum(1 for case in cases if case.state == state) for state in ("failed", "skipped"))
    counts = f'tests="{len(cases)}" failures="{failed}" errors="0" skipped="{skipped}"'
    return f"  <testsuite name={_attribute(name)} {counts}>\n{''.join(map(_case, cases))}  </testsuite>\n"


def _case(case: Case) -> str:
    head = f"    <testcase name={_attribute(case.name)} classname={_attribute(case.group)}"
    if case.state == "skipped":
        inner = f"<skipped message={_attribute(case.message)}/>"
    elif case.state == "failed":
        inner = f"<failure message={_attribute(case.message)} type={_attribute(case.type)}>{_xml(case.text)}</failure>"
    else:
        inner = f"<system-out>{_xml(case.text)}</system-out>" if case.text else ""
    return f"{head}>\n      {inner}\n    </testcase>\n" if inner else f"{head}/>\n"


def _xml(text: str) -> str:
    return escape("\n".join(map(visible, text.replace("\t", "    ").split("\n"))))


def _attribute(text: str) -> str:
    return quoteattr(visible(text))
