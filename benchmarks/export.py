"""How fast live resources become manifests, against ruamel's round-trip dump of the same trees (docs/performance.md, "export").

10,000 resources of all five kinds, as the emulator makes them up, are written down, laid out and put on the disk, one file each; and
the whole command runs against an emulator in a process of its own, with its listing, its gate and its ledger. Stages are counted in
processor time, so that they mean the same on a machine that does other things too; the command in seconds of the clock.
"""

from __future__ import annotations

import gc
import io
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from measure import run, store, table

from reconciler.engine.export.exporting import export
from reconciler.engine.export.pages import files, manifests
from reconciler.engine.export.placing import place
from reconciler.engine.export.survey import Survey, survey
from reconciler.engine.export.writing import Wanted, manifest_of, write_down
from reconciler.loading.manifest import Bound
from reconciler.loading.yaml_writer import write_document

COUNT = 10_000
SAMPLE = 500
"""Trees that the slow reference gets."""
_PROJECT = """\
apiVersion: cxone.reconciler/v1
kind: Project
metadata: {{name: bench}}
spec:
  targets:
    local:
      url: {url}
      auth: {{clientId: local, clientSecret: "${{secret:env:BENCH_CLIENT_SECRET}}"}}
"""


def main() -> None:
    """Measure and print."""
    gc.disable()
    with tempfile.TemporaryDirectory() as folder, _seeded() as url:
        root = Path(folder)
        (root / "reconciler.yaml").write_text(_PROJECT.format(url=url), encoding="utf-8")
        environ = {"BENCH_CLIENT_SECRET": "local-secret"}
        found = survey(
            root,
            "local",
            ["Connector", "Dataset", "DataExtension", "DataAction", "EventStream"],
            debug=lambda _: None,
            environ=environ,
        )
        seconds = _stages(found, root)
        emitted, reference = _emitters(found)
        whole = run([sys.executable, "-m", "reconciler", "export", "-q"], cwd=root, env=environ)
        assert whole.code == 0, whole.stderr
    rows = [(name, taken, round(COUNT / taken)) for name, taken in seconds.items()]
    table(f"Exporting {COUNT:,} resources", ("work", "processor seconds", "manifests a second and core"), rows)
    table(
        "Writing YAML",
        ("writer", "manifests a second", "ours against it"),
        [
            ("direct, in canonical layout", round(emitted), "1.0 ×"),
            ("ruamel round-trip dump", round(reference), f"{emitted / reference:.0f} ×"),
        ],
    )
    table(
        "The whole command: listing, writing, reading back, planning, files, ledger",
        ("seconds", "MB", "manifests a second"),
        [(whole.seconds, whole.megabytes, round(COUNT / whole.seconds))],
    )
    store(
        "export",
        {
            **{name: COUNT / taken for name, taken in seconds.items()},
            "writer": emitted,
            "ruamel round trip": reference,
            "command seconds": whole.seconds,
            "command MB": whole.megabytes,
        },
    )


@contextmanager
def _seeded() -> Iterator[str]:
    """An emulator in a process of its own, full of resources."""
    import json

    import httpx2 as httpx

    command = [sys.executable, "-m", "reconciler", "emulator"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = str(json.loads(process.stdout.readline())["url"])
            with httpx.Client(base_url=url, timeout=120, trust_env=False) as client:
                client.post("/_emulator/seed", json={"seed": 1, "resources": COUNT}).raise_for_status()
            yield url
        finally:
            process.terminate()


def _stages(found: Survey, root: Path) -> dict[str, float]:
    """Seconds of each stage, and of all those that "manifests written" is about."""
    wanted = Wanted()
    began = time.process_time()
    written = write_down(found, wanted, {})
    declared = time.process_time()
    pages = files(manifests(written), wanted)
    laid_out = time.process_time()
    with tempfile.TemporaryDirectory(dir=root) as folder:
        placing = time.process_time()
        place(Path(folder), pages)
        placed = time.process_time()
    before = found.session.workspace
    gate = _timed(lambda: export(found, wanted))
    found.session.workspace = replace(before, bound=Bound())
    return {
        "written, from answers to files": placed - placing + laid_out - began,
        "- declaring them": declared - began,
        "- their text": laid_out - declared,
        "- their files": placed - placing,
        "written and checked, without files": gate,
    }


def _emitters(found: Survey) -> tuple[float, float]:
    """Manifests a second that our writer and ruamel's make of the same trees."""
    from ruamel.yaml import YAML

    trees = [manifest_of(item.key, item.spec) for item in write_down(found, Wanted(), {}).items]
    yaml = YAML(typ="rt")
    yaml.indent(mapping=2, sequence=4, offset=2)

    def dump() -> None:
        for tree in trees[:SAMPLE]:
            yaml.dump(tree, io.StringIO())

    def ours() -> None:
        for tree in trees:
            write_document(tree)

    return len(trees) / _timed(ours), SAMPLE / _timed(dump)


def _timed(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


if __name__ == "__main__":
    main()
