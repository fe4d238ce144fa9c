"""What a run is about, settled before the first record is read: source, columns, dataset, checkpoint."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from reconciler.core.values import Tree
from reconciler.engine.clock import now, stamp
from reconciler.errors import NotApplied, SourceUnusable
from reconciler.jobs.context import JobContext
from reconciler.jobs.ingestion.batches import Envelope
from reconciler.jobs.ingestion.checkpoint import Checkpoint, load_checkpoint, require_same, what_changed
from reconciler.jobs.records.columns import Column, plan_columns, wanted
from reconciler.jobs.records.quarantine import keep_apart, place_of
from reconciler.jobs.records.source import Source, look_at, need_columns, replayed


@dataclass(frozen=True, slots=True)
class Setup:
    """One run's settings. ``keys`` tell duplicates apart; ``address`` is empty in a dry run; ``resumed``: it goes on."""

    source: Source
    keys: Sequence[str]
    envelope: Envelope
    address: str
    dataset_id: str
    checkpoint: Checkpoint
    quarantine: Path
    resumed: bool


async def set_up(context: JobContext) -> Setup | None:
    """Settle everything; None where there is nothing to resume. Raises what stands in the way, before anything is sent."""
    spec, options = context.spec, context.options
    earlier = load_checkpoint(context.folder) if not options.dry_run else None
    if options.resume and earlier is None:
        return None
    replay = options.replay
    if options.resume and earlier is not None and earlier.identity.get("replay"):
        replay = Path(earlier.identity["replay"])
    dataset = context.declared("Dataset", spec.dataset_ref)
    mapping = context.fragment("FieldMapping", spec.field_mapping_ref) if spec.field_mapping_ref else None
    keys = spec.dedup.keys or [dataset.fields["primaryKey"]]
    source = _source(context, dataset.fields, mapping, keys, replay)
    if source.ignored:
        reference = spec.field_mapping_ref
        why = f"FieldMapping/{reference} takes nothing from them" if reference else "the dataset has no such columns"
        context.warn(f"{context.key}: not sent, as {why}: {', '.join(source.ignored)}")
    address, dataset_id = "", ""
    if not options.dry_run:
        dataset_id = await context.resolve("Dataset", spec.dataset_ref)
        await _require_live(context, dataset_id, dataset.fields)
        address = context.client.address(context.session.workspace.kinds["Dataset"], dataset_id, "records")
    identity = _identity(context, dataset.fields, mapping, source, dataset_id, replay)
    resumed = options.resume and earlier is not None
    if earlier is not None and resumed:
        require_same(earlier, identity)
        checkpoint = earlier
    else:
        if earlier is not None:
            what = _given_up(earlier, identity, replay)
            context.warn(f"the run begun at {earlier.started} was not finished; {what}")
        checkpoint = Checkpoint(uuid.uuid4().hex, stamp(now()), identity)
    inference = {"enabled": spec.schema_inference.enabled, "strictMode": spec.schema_inference.strict_mode}
    place = place_of(context.root, spec.quarantine, context.key.name, replay, dry_run=options.dry_run)
    envelope = Envelope(spec.dedup.mode, keys, inference)
    return Setup(source, keys, envelope, address, dataset_id, checkpoint, place, resumed)


def _given_up(earlier: Checkpoint, identity: Mapping[str, Any], replay: Path | None) -> str:
    """What becomes of an unfinished run in whose place another one begins."""
    if replay is not None and earlier.identity.get("replay") != str(replay):
        return "this replay takes its place, and --resume cannot go on with it any more"
    changed = what_changed(earlier, identity)
    if changed:
        return f"the {changed} changed since, so that --resume cannot go on with it"
    return "--resume would have gone on with it"


def _source(
    context: JobContext, dataset: Mapping[str, Any], mapping: Tree | None, keys: Sequence[str], replay: Path | None
) -> Source:
    spec = context.spec
    columns = plan_columns(dataset, mapping, keys)
    if replay is not None:
        source = replayed(replay, columns)
    else:
        keep_apart(context.root, spec.quarantine, context.key.name, spec.source.path)
        infer, mapped = spec.schema_inference.enabled, mapping is not None
        source = look_at(context.root, spec.source.path, spec.source.format, columns, mapped=mapped, infer=infer)
    if not wanted([column for each in source.columns for column in each]):
        raise SourceUnusable("no column is made from the source", fix="map at least one column with a source")
    need_columns(source, list(dict.fromkeys([*keys, dataset["primaryKey"]])))
    return source


def _identity(
    context: JobContext,
    dataset: Mapping[str, Any],
    mapping: Tree | None,
    source: Source,
    dataset_id: str,
    replay: Path | None,
) -> dict[str, Any]:
    """What makes two runs the same: the same bytes follow from the same of all of this."""
    spec = context.spec
    content = {
        "source": spec.source.model_dump(mode="json"),
        "batchSize": spec.batch_size,
        "dedup": spec.dedup.model_dump(mode="json"),
        "schemaInference": spec.schema_inference.model_dump(mode="json"),
        "columns": dataset["columns"],
        "primaryKey": dataset["primaryKey"],
        "mapping": mapping,
    }
    digest = hashlib.sha256(orjson.dumps(content, default=str)).hexdigest()
    return {
        "manifest": digest,
        "files": [file.identity for file in source.files],
        "dataset": dataset_id,
        "replay": str(replay) if replay else None,
    }


async def _require_live(context: JobContext, dataset_id: str, declared: Mapping[str, Any]) -> None:
    """The live dataset takes what the manifest declares. Raises `NotApplied`, with the column that differs."""
    name, target = context.spec.dataset_ref, context.session.workspace.target.name
    live = await context.client.get(context.session.workspace.kinds["Dataset"], dataset_id)
    fix = f"`reconciler apply -t {target}` first"
    if live is None:
        raise NotApplied(f"Dataset/{name} is not in the tenant any more", fix=fix)
    found = _stricter(declared, live.body)
    if found:
        raise NotApplied(f"Dataset/{name} in the tenant is not what its manifest declares: {'; '.join(found)}", fix=fix)


def _stricter(declared: Mapping[str, Any], live: Mapping[str, Any]) -> list[str]:
    """Where the live dataset refuses what the declared one takes; a wider limit there does no harm.

    What only refuses records that lack a value is left to the tenant, which names them.
    """
    found = []
    if live.get("primaryKey") != declared["primaryKey"]:
        found.append(f"its primary key is {live.get('primaryKey')}, not {declared['primaryKey']}")
    columns: Mapping[str, Any] = live.get("columns") or {}
    for column, form in declared["columns"].items():
        if column not in columns:
            found.append(f"it has no column {column} yet")
            continue
        here, there = _long(form), _long(columns[column])
        if here["type"] != there["type"]:
            found.append(f"{column} is a {there['type']}, not a {here['type']}")
        limit = there.get("maxLength")
        if limit is not None and (here.get("maxLength") is None or limit < here["maxLength"]):
            found.append(f"{column} takes {limit} characters, not {here.get('maxLength') or 'any number'}")
    return found


def _long(form: Any) -> Mapping[str, Any]:
    return form if isinstance(form, dict) else {"type": form}


__all__ = ["Column", "Setup", "set_up"]
