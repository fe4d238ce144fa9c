"""What data jobs check of the mapping they use and the table that they fill."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reconciler.core.kind import Finding, Lookup
from reconciler.kinds.parts.findings import find
from reconciler.kinds.parts.mappings import RecordMapping, required_columns, table_columns, table_findings


def job_mapping_findings(lookup: Lookup, mapping: str | None, table: Any | None, table_key: str) -> Iterator[Finding]:
    """Check a job's ``fieldMappingRef`` against its dataset or extension; silent where either has no valid manifest."""
    fragment = find(lookup, mapping, "FieldMapping")
    if fragment is None:
        return
    items = fragment.mappings
    path = ("fieldMappingRef",)
    if not all(isinstance(item, RecordMapping) for item in items):
        yield Finding(
            path,
            f"FieldMapping/{mapping} maps cxoneField to crmField, which is for connectors",
            "refer to one with source and target",
        )
        return
    if table is None:
        return
    for finding in table_findings((), items, table_columns(table), table_key):
        yield Finding(path, f"FieldMapping/{mapping}: {finding.message}", finding.fix)
    targets = {item.target for item in items}
    for name in required_columns(table):
        if name not in targets:
            yield Finding(
                path,
                f"FieldMapping/{mapping} maps nothing to {name!r}, which every record of {table_key} needs",
                f"add a mapping with 'target: {name}'",
            )
