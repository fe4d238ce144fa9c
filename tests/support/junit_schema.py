"""The rules of JUnit XML as the Jenkins xUnit plugin publishes them (junit-10.xsd), which GitLab and others read alike.

Of each element: the attributes that it must and may have, and the elements that may stand in it. Only a case's and a
message's content may hold text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.etree.ElementTree import Element

_TEXT = frozenset({"failure", "error", "skipped", "system-out", "system-err"})
_TIME = re.compile(r"(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]*)?")


@dataclass(frozen=True)
class Rule:
    """What one element must have, may have, and may hold."""

    must: frozenset[str] = frozenset()
    may: frozenset[str] = frozenset()
    holds: frozenset[str] = frozenset()


_MESSAGE = Rule(may=frozenset({"type", "message"}))
RULES = {
    "testsuites": Rule(may=frozenset({"name", "time", "tests", "failures", "errors"}), holds=frozenset({"testsuite"})),
    "testsuite": Rule(
        frozenset({"name", "tests", "failures", "errors"}),
        frozenset({"group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"}),
        frozenset({"testsuite", "properties", "testcase", "system-out", "system-err"}),
    ),
    "testcase": Rule(
        frozenset({"name"}),
        frozenset({"time", "classname", "group"}),
        frozenset({"skipped", "error", "failure", "system-out", "system-err"}),
    ),
    "properties": Rule(holds=frozenset({"property"})),
    "property": Rule(must=frozenset({"name", "value"})),
    "failure": _MESSAGE,
    "error": _MESSAGE,
    "skipped": _MESSAGE,
    "system-out": Rule(),
    "system-err": Rule(),
}


def check(root: Element) -> None:
    """Hold a document against the rules, and its suites' counts against their cases."""
    assert root.tag in ("testsuites", "testsuite")
    for element in root.iter():
        rule = RULES[element.tag]
        names = set(element.keys())
        assert rule.must <= names <= rule.must | rule.may, (element.tag, names)
        assert {child.tag for child in element} <= rule.holds, element.tag
        assert _TIME.fullmatch(element.get("time", "")) or element.tag == "testcase"
        if element.tag not in _TEXT:
            inner = [element.text, *(child.tail for child in element)]
            assert not "".join(text or "" for text in inner).strip(), element.tag
    for suite in root.iter("testsuite"):
        for name, path in (
            ("tests", "testcase"),
            ("failures", "testcase/failure"),
            ("errors", "testcase/error"),
            ("skipped", "testcase/skipped"),
        ):
            assert int(suite.get(name, "0")) == len(suite.findall(path)), name
