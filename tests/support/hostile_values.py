"""Values that try to be more than text where they are shown, and how to tell that they did not succeed."""

from __future__ import annotations

from typing import Final

ESCAPE: Final = "\x1b]0;owned\x07\x1b[2J\x1b[31mred"
"""Sets a terminal's title, clears its screen, and colours what follows."""
CARRIAGE: Final = "safe\r\nerror: forged line\x08\x9b31m"
BIDI: Final = "abc\u202edcba\u2066\u200b"
WORKFLOW: Final = "::error file=x,line=1::owned\n::set-output name=a::b\n##[command]rm%0A::stop-commands::t"
FORMULA: Final = '=HYPERLINK("http://evil.example.com","x")'
COMMAND: Final = "@SUM(1+1)*cmd|' /C calc'!A0"
HTML: Final = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
MARKDOWN: Final = "`](javascript:alert(1)) | a | @everyone #1 <details>\n# heading\n```\n~~~"
XML: Final = "]]><testcase/>&x;\ufffe"

HOSTILE: Final = (ESCAPE, CARRIAGE, BIDI, WORKFLOW, FORMULA, COMMAND, HTML, MARKDOWN, XML)
"""One of each kind."""


def unprintable(text: str) -> list[str]:
    """The characters of an output that are more than text: everything unprintable but tabs and the ends of lines."""
    return sorted({ch for ch in text.replace("\r\n", "\n") if not (ch in "\n\t" or ch.isprintable())})
