"""What a request for an extension's sync may hold (contract: Operations). Pure."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.emulator.errors import Problem, invalid
from reconciler.emulator.fields import Choice, Doc, Flag, Integer, ListOf, Member, Record, Text, optional
from reconciler.emulator.syncs.loopback import URL, check_address

SYNC_SCOPES = frozenset({"data:sync"})
"""What lets a client start a sync; reading its status needs what reading the extension does."""

MAX_BATCH = 5_000
"""Records that are stored in one transaction at most (contract: Operations)."""

_MAPPING = Record({"source": Member(Text(1, 255), required=True), "target": Member(Text(1, 128), required=True)})
_OPTIONS = Record(
    {
        "maxBatchSize": optional(Integer(1, MAX_BATCH), MAX_BATCH),
        "retryOnConflict": optional(Flag(), default=True, description="go on when the fields change meanwhile"),
        "nullValueHandling": optional(
            Choice(("SET_NULL", "SKIP", "DEFAULT")),
            "SET_NULL",
            "of a null or absent source field: store null, leave the field as it is, or store '', 0 or false",
        ),
    }
)
BODY = Record(
    {
        "extensionId": Member(Text(1, 64), description="as in the path"),
        "sourceType": optional(Choice(("REST",)), "REST"),
        "sourceEndpoint": Member(URL, required=True),
        "fieldMappings": Member(ListOf(_MAPPING), default=list, description="without any, fields keep their names"),
        "syncMode": optional(Choice(("INCREMENTAL", "FULL")), "INCREMENTAL"),
        "webhookUrl": Member(URL),
        "options": Member(_OPTIONS, default=lambda: _OPTIONS.accept({}, "", [])),
    }
)
"""The body of ``POST …/extensions/{id}/sync``."""


def read_request(body: Doc, extension_id: str, fields: Iterable[Doc]) -> Doc:
    """Give a request in normal form, its mappings written out.

    Raises the 400 for a body that is not right, a mapping to a field that does not exist included, and the 422 for
    addresses that the emulator does not call.
    """
    problems: list[Problem] = []
    request: Doc = BODY.accept(body, "", problems)
    names = [field["name"] for field in fields]
    if not problems:
        if request.setdefault("extensionId", extension_id) != extension_id:
            problems.append(Problem("extensionId", f"is not {extension_id}, which the path names"))
        problems.extend(_mapping_problems(request["fieldMappings"], names))
    if problems:
        raise invalid(problems)
    for field in ("sourceEndpoint", "webhookUrl"):
        if field in request:
            check_address(field, request[field])
    if not request["fieldMappings"]:
        request["fieldMappings"] = [{"source": name, "target": name} for name in names]
    return request


def _mapping_problems(mappings: Iterable[Doc], names: Iterable[str]) -> Iterable[Problem]:
    known, seen = set(names), set[str]()
    for index, mapping in enumerate(mappings):
        target = mapping["target"]
        if target not in known:
            yield Problem(f"fieldMappings[{index}].target", f"the extension has no field {target!r}")
        elif target in seen:
            yield Problem(f"fieldMappings[{index}].target", f"{target!r} is mapped already")
        seen.add(target)
