"""FieldMapping: mappings that connectors and data jobs share. A fragment: nothing of its own lives in the tenant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from reconciler.core.kind import Finding, Kind, Lookup, Reference
from reconciler.core.partial import Hole
from reconciler.kinds.parts.base import LocalSpec, Word
from reconciler.kinds.parts.findings import attributes, find, gathered, repeated, suggestion
from reconciler.kinds.parts.mappings import (
    AnyMapping,
    ConnectorMapping,
    Mapping,
    RecordMapping,
    connector_findings,
    record_findings,
    table_columns,
    table_findings,
)


class FieldMappingSpec(LocalSpec):
    """Mappings of one form, and what they are held against."""

    mappings: Annotated[list[AnyMapping], Field(min_length=1)] = Field(
        description=(
            "The mappings, all of one form: {cxoneField, crmField, direction, transformation} for connectors, "
            "{source, target, transformation} for data jobs."
        ),
        examples=[[{"cxoneField": "customerPhone", "crmField": "Phone", "direction": "INBOUND"}]],
    )
    required_crm_fields: list[Word] = Field(
        default_factory=list,
        description="Fields of the CRM (or source) that must be among the mapped ones.",
        examples=[["Phone"]],
    )
    validate_against: Annotated[str, Field(pattern=r"^(Dataset|DataExtension)/[^/]+$")] | None = Field(
        default=None,
        description="Dataset/name or DataExtension/name: mapped fields must exist there, with a type that fits.",
        examples=["DataExtension/customer-profile"],
    )


def check(spec: FieldMappingSpec, lookup: Lookup) -> list[Finding]:
    """One form, no field twice, all required ones mapped, and all that is mapped exists."""
    return gathered(
        lambda: _form_findings(spec.mappings),
        lambda: _duplicates(("mappings",), spec.mappings),
        lambda: connector_findings(("mappings",), spec.mappings),
        lambda: record_findings(("mappings",), spec.mappings),
        lambda: _required_findings(spec),
        lambda: _table_findings(spec, lookup),
    )


def _required_findings(spec: FieldMappingSpec) -> Iterator[Finding]:
    if not spec.required_crm_fields:
        return
    mapped = {item.crm_field if isinstance(item, ConnectorMapping) else item.source or "" for item in spec.mappings}
    for index, name in enumerate(spec.required_crm_fields):
        if name not in mapped:
            message = f"nothing maps the required field {name!r}"
            yield Finding(("requiredCrmFields", index), message, suggestion(name, mapped))


def _table_findings(spec: FieldMappingSpec, lookup: Lookup) -> Iterator[Finding]:
    table = find(lookup, spec.validate_against)
    if table is not None:
        yield from table_findings(("mappings",), spec.mappings, table_columns(table), str(spec.validate_against))


def _form_findings(items: list[Mapping]) -> list[Finding]:
    forms: list[type[object]] = [type(item) for item in items]
    first = next((form for form in forms if form is not Hole), None)
    other = next((index for index, form in enumerate(forms) if form not in (first, Hole)), None)
    if other is None:
        return []
    return [
        Finding(
            ("mappings", other),
            "this mapping has another form than those before it",
            "make two FieldMappings: one with cxoneField and crmField, one with source and target",
        )
    ]


def _duplicates(path: tuple[str | int, ...], items: list[Mapping]) -> list[Finding]:
    """Fields that are mapped twice: either side of a connector's mappings, the target of a job's."""
    found = []
    for form, attribute, key in (
        (ConnectorMapping, "cxone_field", "cxoneField"),
        (ConnectorMapping, "crm_field", "crmField"),
        (RecordMapping, "target", "target"),
    ):
        places = [index for index, item in enumerate(items) if type(item) is form]
        for index, first, name in repeated(attributes((items[place] for place in places), attribute)):
            found.append(
                Finding(
                    (*path, places[index], key),
                    f"{key} {name!r} is mapped by mappings[{places[first]}] already",
                    "remove one of the two, or name another field",
                )
            )
    return found


def record_mappings(spec: FieldMappingSpec) -> list[RecordMapping]:
    """The mappings of a fragment that data jobs can use; none for one that was written for connectors."""
    return [item for item in spec.mappings if isinstance(item, RecordMapping)]


KIND = Kind(
    name="FieldMapping",
    kind_class="fragment",
    spec=FieldMappingSpec,
    summary="Field mappings that connectors and data jobs share.",
    required=frozenset({"mappings"}),
    references=(Reference("validateAgainst", ("Dataset", "DataExtension")),),
    check=check,
)
