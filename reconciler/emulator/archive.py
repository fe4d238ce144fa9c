"""The code archive of a data action: base64 in JSON, a zip inside, checked without unpacking it anywhere."""

from __future__ import annotations

import base64
import binascii
import io
import zipfile
from dataclasses import dataclass
from pathlib import PurePosixPath

from reconciler.emulator.errors import Problem
from reconciler.emulator.fields import Doc, Json
from reconciler.emulator.kind import Blob

ENTRY_POINT = "index.js"

MAX_UNPACKED_BYTES = 50 * 1024 * 1024
"""Limit for the files of an archive together, in bytes."""

MAX_ENTRIES = 10_000

_CHUNK = 1 << 16


def _bad_name(name: str) -> bool:
    path = PurePosixPath(name)
    return not name or path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or "\x00" in name


def _unpacked_size(archive: zipfile.ZipFile) -> int:
    """Count the bytes by really inflating, as a bomb lies about its sizes; stops soon after the limit."""
    total = 0
    for entry in archive.infolist():
        with archive.open(entry) as stream:
            while chunk := stream.read(_CHUNK):
                total += len(chunk)
                if total > MAX_UNPACKED_BYTES:
                    return total
    return total


def archive_problem(data: bytes) -> str | None:
    """Say what is wrong with the bytes of a code archive, or None."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if len(entries) > MAX_ENTRIES:
                return f"holds more than {MAX_ENTRIES} entries"
            for entry in entries:
                if entry.flag_bits & 0x1:
                    return f"entry {entry.filename!r} is encrypted"
                if _bad_name(entry.orig_filename):
                    return f"entry {entry.orig_filename!r} must be a relative path inside the archive"
            names = [entry.filename for entry in entries]
            if len(set(names)) != len(names):
                return "holds an entry twice"
            if ENTRY_POINT not in names:
                return f"{ENTRY_POINT} is missing at the root"
            if _unpacked_size(archive) > MAX_UNPACKED_BYTES:
                return f"unpacks to more than {MAX_UNPACKED_BYTES} bytes"
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, EOFError, OSError, ValueError, RuntimeError):
        return "is not a valid zip archive"
    except Exception as error:  # zlib.error and lzma.LZMAError have no common base but Exception
        if type(error).__name__ in {"error", "LZMAError"}:
            return "is not a valid zip archive"
        raise
    return None


@dataclass(frozen=True, slots=True)
class CodeArchive:
    """The field type of ``code``: base64 text in, a Blob out. A Blob (the stored one) is let through."""

    def accept(self, value: Json, path: str, problems: list[Problem]) -> Json:
        """Decode and check the archive."""
        if isinstance(value, Blob):
            return value
        if not isinstance(value, str):
            problems.append(Problem(path, "must be a base64 string"))
            return value
        try:
            data = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            problems.append(Problem(path, "is not valid base64"))
            return value
        problem = archive_problem(data)
        if problem is not None:
            problems.append(Problem(path, problem))
            return value
        return Blob.of(data)

    def schema(self) -> Doc:
        """Give a base64 string schema."""
        return {
            "type": "string",
            "contentEncoding": "base64",
            "contentMediaType": "application/zip",
            "writeOnly": True,
        }
