"""How fast manifests are read, against the other readers of YAML in the same run (docs/performance.md, row "loading YAML").

The readers get the same 10,000 texts, one manifest each; the slow ones a sample. Rates are manifests a second of processor
time, so that they mean "a second and core" on a machine that does other things too.
"""

from __future__ import annotations

import gc
import io
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from generate import documents
from measure import store, table

from reconciler.loading.format import format_text
from reconciler.loading.yaml import Document, ParseCache, discover, load_files, parse_text

COUNT = 10_000
OURS = "libyaml events into our builder"
Reader = Callable[[str], object]


def main() -> None:
    """Measure and print."""
    texts = documents(COUNT)
    readers = _readers()
    rates = measure({name: (texts[:sample], read) for name, _, sample, read in readers})
    ours = rates[OURS]
    table(
        f"Reading manifests of {sum(text.count(chr(10)) for text in texts) / COUNT:.0f} lines",
        ("reader", "keeps the places of", "sample", "a second and core", "ours against it"),
        [
            (name, places, sample, round(rates[name]), f"{ours / rates[name]:.1f} ×")
            for name, places, sample, _ in readers
        ],
    )
    files = [*_files(texts, 1), *_files(texts, 50)]
    table(
        "Loading a project",
        ("work", "seconds", "manifests a second"),
        [(name, took, round(COUNT / took)) for name, took in files],
    )
    formatting = measure({"fmt": (texts[:1000], lambda text: format_text(text, "f.yaml"))})["fmt"]
    table("Formatting", ("work", "a second and core"), [("texts that are in layout already", round(formatting))])
    store("loading", {**rates, **dict(files), "fmt": formatting})


def measure(readers: Mapping[str, tuple[Sequence[str], Reader]], rounds: int = 5) -> dict[str, float]:
    """How many texts a second each reader reads: the best of several rounds, in which all take turns.

    The garbage collector is paused for all of them, as it is while this tool loads files.
    """
    best = dict.fromkeys(readers, 0.0)
    gc.disable()
    for number in range(rounds):
        for name, (texts, read) in readers.items():
            part = texts[number::rounds]
            began = time.process_time()
            for text in part:
                read(text)
            best[name] = max(best[name], len(part) / (time.process_time() - began))
            gc.collect()
    gc.enable()
    return best


def _readers() -> list[tuple[str, str, int, Reader]]:
    """All readers: name, what they know of places, how many texts they get, and the reader."""
    from _ruamel_yaml import CParser
    from ruamel.yaml import YAML

    def round_trip(text: str) -> object:
        yaml = YAML(typ="rt")
        return yaml.load(io.StringIO(text))

    found: list[tuple[str, str, int, Reader]] = [
        ("ruamel round trip", "keys", 200, round_trip),
        ("ruamel safe, libyaml", "none", 1000, lambda text: YAML(typ="safe").load(text)),
        (OURS, "every value and key", COUNT, lambda text: parse_text(text, "f.yaml")),
        ("libyaml alone, nothing built", "none", COUNT, lambda text: CParser(text).raw_parse()),
    ]
    try:
        import yaml
    except ImportError:
        return found
    return [("PyYAML CSafeLoader", "none", 2000, lambda text: yaml.load(text, Loader=yaml.CSafeLoader)), *found]


def _files(texts: Sequence[str], per_file: int) -> list[tuple[str, float]]:
    """Seconds to find and load everything from files: without a cache, storing into it, and out of it."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "manifests").mkdir()
        for number in range(0, len(texts), per_file):
            text = "---\n".join(texts[number : number + per_file])
            (root / "manifests" / f"{number // per_file:05}.yaml").write_text(text, encoding="utf-8")
        label = f"{len(texts) // per_file:,} files"
        cold = min(_timed(lambda: _load(root, None)) for _ in range(2))
        loaded = _load(root, ParseCache(root / "cache"))
        stored = _timed(lambda: ParseCache(root / "cache").store(loaded))
        warm = min(_timed(lambda: _load(root, ParseCache(root / "cache"))) for _ in range(3))
    return [(f"{label}, cold", cold), (f"{label}, storing", stored), (f"{label}, warm", warm)]


def _load(root: Path, cache: ParseCache | None) -> list[Document]:
    found, diagnostics = load_files(discover(root, ["manifests"]), root, cache)
    assert not diagnostics
    assert len(found) == COUNT
    return found


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
