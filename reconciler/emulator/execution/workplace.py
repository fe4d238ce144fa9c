"""The folder of one execution: the unpacked bundle, a scratch folder, and the modules that the tenant provides."""

from __future__ import annotations

import io
import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from reconciler.emulator.archive import ENTRY_POINT, archive_problem


@dataclass(frozen=True, slots=True)
class Workplace:
    """Where an execution happens; only its owner may look into it."""

    root: Path

    @property
    def entry(self) -> Path:
        """The action's index.js."""
        return self.root / "action" / ENTRY_POINT

    @property
    def scratch(self) -> Path:
        """The folder that the action starts in and may write to."""
        return self.root / "scratch"

    def remove(self) -> None:
        """Delete everything, as far as the action lets it be deleted."""
        shutil.rmtree(self.root, ignore_errors=True)


def modules_folder(folder: Path) -> Path:
    """Give the folder that holds modules: the given one, or the ``node_modules`` inside it."""
    inner = folder / "node_modules"
    return (inner if inner.is_dir() else folder).resolve()


def prepare(code: bytes, modules: Path | None) -> Workplace:
    """Unpack an archive that was checked when it was uploaded. Raises ValueError where it is damaged since."""
    problem = archive_problem(code)
    if problem is not None:
        raise ValueError(f"the stored archive {problem}")
    place = Workplace(Path(tempfile.mkdtemp(prefix="reconciler-action-")).resolve())
    try:
        place.scratch.mkdir()
        with zipfile.ZipFile(io.BytesIO(code)) as archive:
            archive.extractall(place.root / "action")
        if modules is not None:
            (place.root / "node_modules").symlink_to(modules_folder(modules), target_is_directory=True)
    except BaseException:
        place.remove()
        raise
    return place
