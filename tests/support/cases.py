"""Golden cases: one file a case, input and expected output together.

A file begins with a ``#`` line that says what it shows; parts follow, each behind a line ``>>> name``. The input is called
``input``, or ``input, escaped`` when it holds characters that no editor keeps: it is then written with Python's escapes,
without its last line break, and ``\\xNN`` are bytes.
With ``UPDATE_GOLDEN=1`` in the environment the expectation is written anew, to be reviewed like code.
"""

import os
import re
from pathlib import Path

GOLDEN = Path(__file__).parents[1] / "golden"


def cases(folder: str) -> list[Path]:
    """All cases of a folder, by name."""
    found = sorted((GOLDEN / folder).glob("*.case"))
    assert found, f"no cases in {folder}"
    return found


def check(path: Path, make) -> None:
    """Compare what ``make`` says about a case's input with its expectation."""
    about, *parts = re.split(r"^>>> (.+)\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert about.startswith("# "), "a case says what it shows"
    sections = dict(zip(parts[::2], parts[1::2], strict=True))
    name = next(iter(sections))
    found = make(_content(name, sections[name]))
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(f"{about}>>> {name}\n{sections[name]}>>> expected\n{found}", encoding="utf-8")
        return
    assert found == sections["expected"]


def _content(name: str, text: str) -> bytes:
    if name == "input":
        return text.encode()
    assert name == "input, escaped", name
    return text.removesuffix("\n").encode().decode("unicode_escape").encode("latin-1")
