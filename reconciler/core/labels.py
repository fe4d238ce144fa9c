"""Keys for what is live: an RFC 1123 label for every name, unique in its kind, and the same whenever it is asked for."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable
from hashlib import sha256
from typing import Final

MAX_LABEL: Final = 63
_MARK: Final = 6
_OTHER: Final = re.compile(r"[^a-z0-9]+")


def label_of(name: str) -> str:
    """The label nearest to a name; empty where the name holds no letter or digit that ASCII can say."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii").lower()
    return _OTHER.sub("-", plain).strip("-")


def labels_for(names: Iterable[str], taken: Collection[str], fallback: str) -> dict[str, str]:
    """A label for every name, none of them ``taken`` and no two alike.

    A name that is a label already keeps it. One that is too long, or whose label another name has too, gets a mark made from the
    name itself, so that its label does not depend on what else is there; ``fallback`` stands for names without letters.
    """
    wanted = sorted(set(names))
    plain = {name: label_of(name) for name in wanted}
    shared: dict[str, int] = {}
    for name in wanted:
        if plain[name] != name or not name:
            shared[plain[name]] = shared.get(plain[name], 0) + 1
    out: dict[str, str] = {}
    used = set(taken)
    own = [name for name in wanted if name and plain[name] == name and len(name) <= MAX_LABEL and name not in used]
    out.update((name, name) for name in own)
    used.update(own)
    for name in wanted:
        label = plain[name]
        if name in out:
            continue
        if not label or len(label) > MAX_LABEL or label in used or shared.get(label, 0) > 1:
            label = _marked(name, label or fallback, used)
        out[name] = label
        used.add(label)
    return out


def _marked(name: str, label: str, used: set[str]) -> str:
    """A label with a mark of the name, longer where that is taken too."""
    digest = sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    length = _MARK
    while True:
        mark = digest[:length]
        found = f"{label[: MAX_LABEL - length - 1].rstrip('-')}-{mark}"
        if found not in used or length == len(digest):
            return found
        length += 1


def folder_of(kind: str) -> str:
    """The folder that manifests of a kind are written to: ``DataAction`` → ``data-actions``."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", kind).lower()
    return words if words.endswith("s") else f"{words}s"


def variable_of(*parts: str) -> str:
    """The name of an environment variable: ``("DataAction", "enrich", "apiKey")`` → ``DATA_ACTION_ENRICH_API_KEY``."""
    words = [re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", part) for part in parts]
    name = _OTHER.sub("_", label_of("_".join(words))).upper()
    return name if name[:1].isalpha() else f"SECRET_{name}" if name else "SECRET"
