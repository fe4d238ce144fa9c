"""Sending a batch until every record of it is decided: taken, or refused for itself alone.

A refused batch (contract: all of it or nothing) is taken apart: where the tenant names the offending records they are set aside
and the rest is sent again, where it does not the batch is halved. Every part has an idempotency key that follows from the run,
the batch and its place in it, and the same bytes whenever it is sent again. Only successes are kept by the tenant under a key,
so refusals are written down here before their parts are sent: asked again after a crash, in mode ``reject``, the tenant would
take the parts that got in for duplicates.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from reconciler.errors import ApiError, BadAnswer, Conflict, JobFailed, NotFound, Refused, StorageError
from reconciler.jobs.ingestion.batches import Batch, Envelope

if TYPE_CHECKING:
    from reconciler.cxone.client import Client

_NAMED: Final = re.compile(r"records\[(\d+)\]")
_TOO_LARGE: Final = 413
_OF_RECORDS: Final = frozenset({400, _TOO_LARGE, 422})
"""Statuses of a refusal that may be about records; any other ends the job without dropping one."""

DUPLICATE: Final = "DUPLICATE_KEY"
"""The code of a record whose key the tenant has already."""

HOPELESS: Final = 20
"""Records of a batch that are refused one and all before anything was ever taken, from which on the fault is not theirs."""


@dataclass(slots=True)
class Outcome:
    """What became of a batch: how many records were taken, which were refused and why, which the tenant left out."""

    batch: Batch
    accepted: int = 0
    left_out: int = 0
    rejected: list[tuple[int, str]] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)


class Refusals:
    """Which parts of batches were refused, and the records that the refusal named (none: the part was halved)."""

    def __init__(self, path: Path, *, resumed: bool) -> None:
        self._path = path
        self._known: dict[str, dict[int, str]] = {}
        if resumed and path.exists():
            for line in path.read_bytes().split(b"\n"):
                with suppress(orjson.JSONDecodeError):
                    entry = orjson.loads(line)
                    self._known[entry["part"]] = {int(index): text for index, text in entry["named"].items()}
        else:
            path.unlink(missing_ok=True)

    def of(self, part: str) -> dict[int, str] | None:
        """What was written down of a part; None where nothing was."""
        return self._known.get(part)

    def add(self, part: str, named: Mapping[int, str]) -> None:
        """Write a refusal down; durable when this returns. Raises `StorageError`."""
        line = orjson.dumps({"part": part, "named": {str(index): text for index, text in named.items()}}) + b"\n"
        try:
            with open(self._path, "ab", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StorageError(
                f"{self._path.name} cannot be written: {error.strerror or error}",
                fix="make room on the disk, then go on with --resume",
            ) from error


class BatchSender:
    """Sends the batches of one run.

    ``address`` is where records go, ``run`` what idempotency keys begin with, ``taken`` whether the tenant took any before.
    """

    def __init__(
        self, client: Client, address: str, envelope: Envelope, run: str, refusals: Refusals, *, taken: bool = False
    ) -> None:
        self._client = client
        self._address = address
        self._envelope = envelope
        self._run = run
        self._refusals = refusals
        self._taken = taken

    async def send(self, batch: Batch) -> Outcome:
        """Decide a batch. Raises what ends the job: anything that is not about records."""
        outcome = Outcome(batch)
        await self._part(outcome, list(range(batch.size)), "")
        self._taken = self._taken or bool(outcome.accepted)
        of_schema = [reason for _, reason in outcome.rejected if not reason.startswith(DUPLICATE)]
        if not self._taken and len(of_schema) == batch.size >= HOPELESS:
            raise JobFailed(
                f"the tenant refuses every record: {of_schema[0]}",
                fix="compare the dataset with its manifest; nothing was set aside, --resume sends all of it again",
            )
        return outcome

    async def _part(self, outcome: Outcome, places: Sequence[int], path: str) -> None:
        """Send some records of a batch; ``places`` are their indexes in it, ``path`` tells this part from the others."""
        part = f"{outcome.batch.number}{path}"
        named = self._refusals.of(part)
        if named is None:
            try:
                self._take(outcome, places, await self._post(outcome, places, part, whole=not path))
            except (Refused, Conflict) as error:
                named = _blamed(error, len(places))
                self._refusals.add(part, named)
            else:
                return
        await self._apart(outcome, places, path, named)

    async def _post(self, outcome: Outcome, places: Sequence[int], part: str, *, whole: bool) -> Mapping[str, Any]:
        batch = outcome.batch
        if whole:
            body, digest = batch.body, batch.digest
        else:
            lines = batch.lines()
            body = self._envelope.body(b",".join(lines[place] for place in places))
            digest = hashlib.sha256(body).hexdigest()
        began = time.monotonic()
        entry: dict[str, Any] = {"batch": part, "batchSize": len(places), "payloadSha256": digest}
        try:
            answer = await self._client.exchange(
                "POST",
                self._address,
                body=body,
                headers={"Idempotency-Key": f"{self._run}-{part}"},
                scopes=("data-actions:write",),
                repeatable=True,
            )
        except ApiError as error:
            entry |= {"requestId": error.request_id, "status": "failed", "cxoneStatus": error.status}
            entry["latencyMs"] = round((time.monotonic() - began) * 1000)
            outcome.requests.append(entry)
            if isinstance(error, NotFound):
                raise NotFound(
                    f"the dataset is gone, or takes no records at this address: {error.message}",
                    fix="`reconciler plan` shows whether it is gone; apply then, and run the job anew, without --resume",
                    status=error.status,
                    request_id=error.request_id,
                ) from error
            raise
        counts = _counts(answer.value, len(places), answer.request_id)
        entry |= {"requestId": answer.request_id, "status": "committed", "cxoneStatus": answer.status}
        entry["latencyMs"] = round((time.monotonic() - began) * 1000)
        entry |= {"recordsProcessed": counts["processedCount"], "recordsFailed": counts["failedCount"]}
        outcome.requests.append(entry)
        return counts

    def _take(self, outcome: Outcome, places: Sequence[int], answer: Mapping[str, Any]) -> None:
        """Count an answer: also one that says 200 may refuse single records."""
        skips = self._envelope.mode == "skip"
        outcome.accepted += answer["processedCount"]
        for index, code, message in answer["errors"]:
            if skips and code == DUPLICATE:
                outcome.accepted += 1
                outcome.left_out += 1
            else:
                outcome.rejected.append((places[index], f"{code}: {message}" if code else message))

    async def _apart(self, outcome: Outcome, places: Sequence[int], path: str, named: Mapping[int, str]) -> None:
        """Go on with a refused part: without the records that were named, or else by halves, in order."""
        if named:
            outcome.rejected += [(places[index], reason) for index, reason in named.items()]
            rest = [place for index, place in enumerate(places) if index not in named]
            if rest:
                await self._part(outcome, rest, f"{path}.r")
        else:
            half = len(places) // 2
            await self._part(outcome, places[:half], f"{path}.0")
            await self._part(outcome, places[half:], f"{path}.1")


def _blamed(error: ApiError, size: int) -> dict[int, str]:
    """The records that a refusal is about, with the reasons; empty where that is not known and halves have to tell.

    Raises the error itself where it is not about records.
    """
    about_records = isinstance(error, Conflict) or error.status in _OF_RECORDS
    if not about_records or error.api_code == "IDEMPOTENCY_KEY_REUSED":
        raise error
    named = {} if error.status == _TOO_LARGE else _named(error, size)
    return named or ({0: error.message} if size == 1 else {})


def _named(error: ApiError, size: int) -> dict[int, str]:
    """The records that a refusal names (``details: [{field: "records[3].age"}]``), with what it says of each."""
    found: dict[int, str] = {}
    for where, message in error.details:
        match = _NAMED.match(where)
        if match is None or int(match[1]) >= size:
            return {}
        column = where[match.end() :].lstrip(".")
        text = f"{column} {message}" if column else message
        index = int(match[1])
        found[index] = f"{found[index]}; {text}" if index in found else text
    code = f"{error.api_code}: " if error.api_code else ""
    return {index: code + text for index, text in found.items()}


def _counts(value: Any, size: int, request_id: str) -> dict[str, Any]:
    """Read the answer's counts. Raises `BadAnswer` where they do not account for every record that was sent."""
    body = value if isinstance(value, dict) else {}
    processed, failed, listed = body.get("processedCount"), body.get("failedCount", 0), body.get("errors") or []
    errors: list[tuple[int, str, str]] = []
    for item in listed if isinstance(listed, list) else []:
        index = item.get("index") if isinstance(item, dict) else None
        if type(index) is int and 0 <= index < size:
            errors.append((index, _shown(item.get("code")), _shown(item.get("message"))))
    whole = type(processed) is int and failed == len({index for index, _, _ in errors}) == len(errors)
    if not whole or processed + failed != size:
        raise BadAnswer(
            f"a batch of {size} records was answered with counts that do not add up: {processed!r} processed, "
            f"{failed!r} failed, {len(errors)} named (request {request_id})",
            fix="nothing is known of this batch; --resume asks for it again",
            request_id=request_id,
        )
    return {"processedCount": processed, "failedCount": failed, "errors": errors}


def _shown(value: Any) -> str:
    return "".join(ch if ch.isprintable() else " " for ch in value)[:500] if isinstance(value, str) else ""
