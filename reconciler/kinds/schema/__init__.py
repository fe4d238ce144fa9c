"""What follows from a kind's model and data without further work: JSON Schemas, field lists, starters, pages.

- `manifest_schema`: the JSON Schema (2020-12) of a kind's manifests, for editors and pipelines; `union_schema`: of all kinds
- `fields_of`: every field with type, default and description, for ``reconciler explain`` and the documentation
- `starter`: a commented manifest with every field, for ``reconciler new``
- `page`: a kind's page of the documentation
"""

from __future__ import annotations

from reconciler.kinds.schema.fields import FieldDoc, fields_of, metadata_fields
from reconciler.kinds.schema.manifest import manifest_schema, union_schema
from reconciler.kinds.schema.page import page
from reconciler.kinds.schema.starter import starter

__all__ = ["FieldDoc", "fields_of", "manifest_schema", "metadata_fields", "page", "starter", "union_schema"]
