"""How long it takes to compare two revisions of 10,000 manifests, against two validations of them in the same run.

Both sides are bound, so that two validations are what there is to reach; the earlier one comes from git's objects. Cold is without
the caches of what was parsed and judged, warm with them, as on a second run or a pipeline that keeps `.reconciler/cache`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from generate import documents
from measure import Run, median, run, store, table

COUNT = 10_000
TIMES = 3
PROJECT = "apiVersion: cxone.reconciler/v1\nkind: Project\nmetadata: {name: bench}\nspec: {}\n"
VALIDATE = (sys.executable, "-m", "reconciler", "validate")
DIFF = (sys.executable, "-m", "reconciler", "diff", "--base", "HEAD")


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        changed = _make(root)
        rows = []
        figures: dict[str, float] = {}
        for name, cold in (("cold", True), ("warm", False)):
            validated, compared = _run(root, VALIDATE, cold=cold), _run(root, DIFF, cold=cold)
            assert validated.code == 0, validated.stdout[:500] + validated.stderr
            assert f"{changed} changed" in compared.stdout.splitlines()[0], compared.stdout[:500] + compared.stderr
            ratio = compared.seconds / (2 * validated.seconds)
            rows.append((name, validated.seconds, compared.seconds, f"{ratio:.2f} ×", round(compared.megabytes)))
            figures |= {f"validate {name}": validated.seconds, f"diff {name}": compared.seconds}
        header = ("caches", "validate, s", "diff --base HEAD, s", "against two validations", "diff, peak MB")
        table(f"Comparing {COUNT:,} manifests, {changed} of them changed", header, rows)
        store("diff", figures)


def _run(root: Path, command: tuple[str, ...], *, cold: bool) -> Run:
    if not cold:
        run(command, cwd=root)
        return median(command, TIMES, cwd=root)
    runs = []
    for _ in range(TIMES):
        shutil.rmtree(root / ".reconciler", ignore_errors=True)
        runs.append(run(command, cwd=root))
    return sorted(runs, key=lambda item: item.seconds)[TIMES // 2]


def _make(root: Path) -> int:
    """A committed project, with one manifest of a hundred changed since; returns how many."""
    (root / "reconciler.yaml").write_text(PROJECT, encoding="utf-8")
    (root / "code").mkdir()
    (root / "code" / "index.js").write_text("module.exports = async () => ({})\n", encoding="utf-8")
    (root / ".gitignore").write_text(".reconciler/\n", encoding="utf-8")
    texts = documents(COUNT)
    for number, text in enumerate(texts):
        place = root / "manifests" / f"{number % 100}" / f"{number}.yaml"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    for words in (("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "--message", "all")):
        subprocess.run(["git", *words], cwd=root, check=True, env={**os.environ, **_AUTHOR})
    changed = 0
    for number in range(0, COUNT, 100):
        place = root / "manifests" / f"{number % 100}" / f"{number}.yaml"
        text = place.read_text(encoding="utf-8")
        lines = [f"{line} (changed)" if line.startswith("  description: ") else line for line in text.split("\n")]
        changed += "\n".join(lines) != text
        place.write_text("\n".join(lines), encoding="utf-8")
    return changed


_AUTHOR = {
    "GIT_AUTHOR_NAME": "bench",
    "GIT_AUTHOR_EMAIL": "bench@example.invalid",
    "GIT_COMMITTER_NAME": "bench",
    "GIT_COMMITTER_EMAIL": "bench@example.invalid",
}


if __name__ == "__main__":
    main()
