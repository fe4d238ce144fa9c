"""The OpenAPI 3.1 description of what is served, generated from the kinds' descriptions. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.emulator.fields import Doc
from reconciler.emulator.http import JSON, MERGE_PATCH
from reconciler.emulator.kind import COUNTER, Kind
from reconciler.emulator.openapi_actions import execution
from reconciler.emulator.openapi_operations import operation_paths
from reconciler.emulator.openapi_parts import (
    ID,
    IDEMPOTENCY,
    REQUEST_ID,
    errors,
    parameter,
    request_body,
    security,
    success,
)
from reconciler.emulator.openapi_tokens import SECURITY_SCHEME, token_paths
from reconciler.emulator.settings import MAX_PAGE_SIZE, Settings

_ERROR: Doc = {
    "type": "object",
    "properties": {
        "code": {"type": "string"},
        "message": {"type": "string"},
        "details": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
                "required": ["field", "message"],
            },
        },
        "requestId": {"type": "string"},
    },
    "required": ["code", "message", "details", "requestId"],
}

_ETAG_PATTERN = '^"[0-9a-f]{32}"$'
_TAGS: Doc = {"type": "string"}
_NAME_PARAMETER = parameter("name", "query", {"type": "string"}, description="only the one of exactly this name")
_NONE_MATCH = parameter("If-None-Match", "header", _TAGS, description="an ETag: 304 while it is still right")
_POST_NONE_MATCH = parameter("If-None-Match", "header", _TAGS, description="*: 412 where the name exists")


class _Describer:
    """Describes the API of one emulator: its styles decide which parameters and headers there are."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._etags = settings.concurrency == "etag"

    def shown(self, description: str, schema: Doc, *, located: bool = False) -> Doc:
        """Give an answer that shows resources: with an ETag where there are any."""
        tag: Doc = {"ETag": {"schema": {"type": "string", "pattern": _ETAG_PATTERN}, "required": True}}
        return success(description, schema, located=located, headers=tag if self._etags else {})

    def not_modified(self) -> Doc:
        """Give the 304 where there are ETags."""
        return {"304": {"description": "not modified", "headers": dict(REQUEST_ID)}} if self._etags else {}

    def match_parameter(self, kind: Kind) -> list[Doc]:
        """Give ``If-Match`` as the concurrency style has it for a kind."""
        needed = self._etags or (self._settings.concurrency == "version" and kind.versioned)
        text = "the ETag" + (", or the version," if kind.versioned else "") + " that the change is based on, or *"
        return [parameter("If-Match", "header", _TAGS, required=True, description=text)] if needed else []

    def page_parameters(self) -> list[Doc]:
        """Give the parameters of the pagination style."""
        size: Doc = {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE, "default": self._settings.page_size}
        if self._settings.pagination == "offset":
            skip: Doc = {"type": "integer", "minimum": 0, "maximum": 2**53, "default": 0}
            return [parameter("skip", "query", skip), parameter("top", "query", size)]
        if self._settings.pagination == "token":
            return [parameter("scrollToken", "query", {"type": "string"}), parameter("pageSize", "query", size)]
        page: Doc = {"type": "integer", "minimum": 1, "maximum": 2**53, "default": 1}
        return [parameter("page", "query", page), parameter("pageSize", "query", size)]

    def page_schema(self, kind: Kind) -> Doc:
        """Give the body of a listing in the pagination style."""
        items: Doc = {"type": "array", "items": {"$ref": f"#/components/schemas/{kind.name}"}}
        count: Doc = {"type": "integer", "minimum": 0}
        if self._settings.pagination == "offset":
            links = {"type": "object", "properties": {"next": {"type": ["string", "null"]}}, "required": ["next"]}
            properties: Doc = {"items": items, "totalRecords": count, "_links": links}
        elif self._settings.pagination == "token":
            properties = {"hits": count, "data": items, "scrollToken": {"type": ["string", "null"]}}
        else:
            following = {"type": ["integer", "null"]}
            properties = {"items": items, "page": count, "pageSize": count, "total": count, "nextPage": following}
        return {"type": "object", "properties": properties, "required": list(properties)}

    def shown_schema(self, kind: Kind) -> Doc:
        """Give the schema of a resource as it is read back."""
        properties: Doc = {"id": {"type": "string"}}
        for name, member in kind.record.members.items():
            if name != kind.blob_field:
                properties[name] = member.type.schema()
        time: Doc = {"type": "string", "format": "date-time", "readOnly": True}
        properties |= {"createdTime": time, "lastModifiedTime": time}
        properties["lastModifiedBy"] = {"type": "string", "readOnly": True}
        properties |= {name: COUNTER.schema() | {"readOnly": True} for name in kind.counters}
        properties |= {name: {"type": ["string", "integer"], "readOnly": True} for name in kind.derived}
        if self._etags:
            properties["etag"] = {"type": "string", "readOnly": True}
        required = list(properties)
        return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}

    def collection(self, kind: Kind) -> Doc:
        """Describe the collection of a kind."""
        ref: Doc = {"$ref": f"#/components/schemas/{kind.name}"}
        conditional = [_NONE_MATCH] if self._etags else []
        created = self.shown("created", ref, located=True)
        links = self.links(kind)
        return {
            "get": {
                "operationId": f"list{kind.name}",
                "security": security(kind.read_scopes),
                "parameters": [*self.page_parameters(), _NAME_PARAMETER, *conditional],
                "responses": {"200": self.shown("a page", self.page_schema(kind))}
                | self.not_modified()
                | errors(400, 401, 403),
            },
            "post": {
                "operationId": f"create{kind.name}",
                "security": security(kind.write_scopes),
                "parameters": [_POST_NONE_MATCH, IDEMPOTENCY],
                "requestBody": request_body({"$ref": f"#/components/schemas/{kind.name}Create"}),
                "responses": {"201": created | {"links": links}} | errors(400, 401, 403, 409, 412, 413, 415, 422),
            },
        }

    def links(self, kind: Kind) -> Doc:
        """Say which operations a created resource's id serves for."""
        parameters: Doc = {"path.id": "$response.body#/id"}
        return {
            f"{verb}{kind.name}": {"operationId": f"{verb}{kind.name}", "parameters": parameters}
            for verb in ("read", "update", "delete")
        }

    def item(self, kind: Kind) -> Doc:
        """Describe one resource of a kind."""
        ref: Doc = {"$ref": f"#/components/schemas/{kind.name}"}
        conditional = [_NONE_MATCH] if self._etags else []
        force = [parameter("force", "query", {"type": "boolean"}, description="though it holds records")]
        return {
            "parameters": [ID],
            "get": {
                "operationId": f"read{kind.name}",
                "security": security(kind.read_scopes),
                "parameters": conditional,
                "responses": {"200": self.shown("the resource", ref)} | self.not_modified() | errors(401, 403, 404),
            },
            "patch": {
                "operationId": f"update{kind.name}",
                "security": security(kind.write_scopes),
                "parameters": self.match_parameter(kind),
                "requestBody": request_body({"$ref": f"#/components/schemas/{kind.name}Patch"}, MERGE_PATCH, JSON),
                "responses": {"200": self.shown("changed", ref)}
                | errors(400, 401, 403, 404, 409, 412, 413, 415, 422, 428),
            },
            "delete": {
                "operationId": f"delete{kind.name}",
                "security": security(kind.write_scopes),
                "parameters": self.match_parameter(kind) + (force if kind.populated_field else []),
                "responses": {"204": {"description": "deleted", "headers": dict(REQUEST_ID)}}
                | errors(401, 403, 404, 409, 412, 428),
            },
        }

    def view(self, kind: Kind, view: str) -> Doc:
        """Describe a read-only sub-resource."""
        return {
            "parameters": [ID],
            "get": {
                "operationId": f"read{kind.name}{view.capitalize()}",
                "security": security(kind.read_scopes),
                "responses": {"200": success(view, {"type": "object"})} | errors(401, 403, 404),
            },
        }


def describe(settings: Settings, kinds: Mapping[str, Kind]) -> Doc:
    """Give the OpenAPI document of an emulator with these settings."""
    describer = _Describer(settings)
    paths: Doc = token_paths()
    schemas: Doc = {"Error": _ERROR}
    for kind in kinds.values():
        paths[kind.collection] = describer.collection(kind)
        paths[kind.collection + "/{id}"] = describer.item(kind)
        for view in kind.views:
            paths[f"{kind.collection}/{{id}}/{view}"] = describer.view(kind, view)
        if kind.name == "DataAction":
            paths[kind.collection + "/{id}/execute"] = execution()
        schemas[kind.name] = describer.shown_schema(kind)
        schemas[f"{kind.name}Create"] = kind.body.schema()
        schemas[f"{kind.name}Patch"] = kind.body.schema(partial=True)
    paths |= operation_paths(kinds)
    return {
        "openapi": "3.1.0",
        "info": {"title": "CXone API contract, emulated", "version": "1"},
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": {"oauth2": SECURITY_SCHEME}},
    }
