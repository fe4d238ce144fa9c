"""FieldMapping: mappings that connectors and data jobs share. A fragment: nothing of its own lives in the tenant."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from reconciler.core.kind import Finding, Kind, Lookup, Reference
from reconciler.kinds.parts.base import LocalSpec, Word
from reconciler.kinds.parts.findings import find, repeated, suggestion
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
    found = list(_form_findings(spec.mappings))
    found += _duplicates(("mappings",), spec.mappings)
    found += connector_findings(("mappings",), spec.mappings)
    found += record_findings(("mappings",), spec.mappings)
    mapped = {item.crm_field if isinstance(item, ConnectorMapping) else item.source or "" for item in spec.mappings}
    found += [
        Finding(("requiredCrmFields", index), f"nothing maps the required field {name!r}", suggestion(name, mapped))
        for index, name in enumerate(spec.required_crm_fields)
        if name not in mapped
    ]
    table = find(lookup, spec.validate_against)
    if table is not None:
        found += table_findings(("mappings",), spec.mappings, table_columns(table), str(spec.validate_against))
    return found


def _form_findings(items: list[Mapping]) -> list[Finding]:
    first = type(items[0])
    other = next((index for index, item in enumerate(items) if type(item) is not first), None)
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
        places = [index for index, item in enumerate(items) if isinstance(item, form)]
        for index, first, name in repeated(getattr(items[place], attribute) for place in places):
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
