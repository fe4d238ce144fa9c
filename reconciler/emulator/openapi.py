"""The OpenAPI 3.1 description of what is served, generated from the kinds' descriptions. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reconciler.emulator.fields import Doc
from reconciler.emulator.http import JSON, MERGE_PATCH
from reconciler.emulator.idempotency import MAX_KEY_LENGTH
from reconciler.emulator.kind import COUNTER, Kind
from reconciler.emulator.openapi_actions import execution
from reconciler.emulator.openapi_operations import operation_paths
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

_REASONS = {
    400: "malformed, or against the schema",
    401: "no valid token",
    403: "the token lacks the scope that details name",
    404: "no such resource",
    409: "in conflict with the present state",
    412: "a precondition failed",
    413: "the body is too large",
    415: "the content type is not accepted",
    422: "well-formed, but it can't be meant",
    428: "If-Match is required",
    429: "too many requests; see Retry-After",
    501: "this machine has no Node.js",
    504: "the action did not answer in time",
}

_REQUEST_ID: Doc = {"X-Request-Id": {"schema": {"type": "string"}, "required": True}}
_ETAG_PATTERN = '^"[0-9a-f]{32}"$'


def _parameter(name: str, where: str, schema: Doc, *, required: bool = False, description: str = "") -> Doc:
    parameter: Doc = {"name": name, "in": where, "schema": schema, "required": required}
    return parameter | ({"description": description} if description else {})


_TAGS: Doc = {"type": "string"}
_KEY: Doc = {"type": "string", "pattern": "^[!-~]+$", "minLength": 1, "maxLength": MAX_KEY_LENGTH}
_ID_PARAMETER = _parameter("id", "path", {"type": "string", "pattern": "^[a-z0-9]{1,32}$"}, required=True)
_NAME_PARAMETER = _parameter("name", "query", {"type": "string"}, description="only the one of exactly this name")
_NONE_MATCH = _parameter("If-None-Match", "header", _TAGS, description="an ETag: 304 while it is still right")
_POST_NONE_MATCH = _parameter("If-None-Match", "header", _TAGS, description="*: 412 where the name exists")
_IDEMPOTENCY = _parameter("Idempotency-Key", "header", _KEY, description="makes repeating safe for 24 h")


class _Describer:
    """Describes the API of one emulator: its styles decide which parameters and headers there are."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._etags = settings.concurrency == "etag"

    def error(self, *statuses: int) -> Doc:
        """Give the responses for error statuses."""
        responses: Doc = {}
        for status in sorted({*statuses, 429}):
            headers: Doc = dict(_REQUEST_ID)
            if status == 429:
                headers["Retry-After"] = {"schema": {"type": "string", "pattern": "^[0-9]+$"}, "required": True}
            content = {JSON: {"schema": {"$ref": "#/components/schemas/Error"}}}
            responses[str(status)] = {"description": _REASONS[status], "headers": headers, "content": content}
        return responses

    def success(self, description: str, schema: Doc, *, tagged: bool, located: bool = False) -> Doc:
        """Give a response with a body, and an ETag where there are any."""
        headers: Doc = dict(_REQUEST_ID)
        if tagged and self._etags:
            headers["ETag"] = {"schema": {"type": "string", "pattern": _ETAG_PATTERN}, "required": True}
        if located:
            headers["Location"] = {"schema": {"type": "string"}, "required": True}
        return {"description": description, "headers": headers, "content": {JSON: {"schema": schema}}}

    def not_modified(self) -> Doc:
        """Give the 304 where there are ETags."""
        return {"304": {"description": "not modified", "headers": dict(_REQUEST_ID)}} if self._etags else {}

    def match_parameter(self, kind: Kind) -> list[Doc]:
        """Give ``If-Match`` as the concurrency style has it for a kind."""
        needed = self._etags or (self._settings.concurrency == "version" and kind.versioned)
        text = "the ETag" + (", or the version," if kind.versioned else "") + " that the change is based on, or *"
        return [_parameter("If-Match", "header", _TAGS, required=True, description=text)] if needed else []

    def page_parameters(self) -> list[Doc]:
        """Give the parameters of the pagination style."""
        size: Doc = {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE, "default": self._settings.page_size}
        if self._settings.pagination == "offset":
            skip: Doc = {"type": "integer", "minimum": 0, "maximum": 2**53, "default": 0}
            return [_parameter("skip", "query", skip), _parameter("top", "query", size)]
        if self._settings.pagination == "token":
            return [_parameter("scrollToken", "query", {"type": "string"}), _parameter("pageSize", "query", size)]
        page: Doc = {"type": "integer", "minimum": 1, "maximum": 2**53, "default": 1}
        return [_parameter("page", "query", page), _parameter("pageSize", "query", size)]

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
        body = {"required": True, "content": {JSON: {"schema": {"$ref": f"#/components/schemas/{kind.name}Create"}}}}
        created = self.success("created", ref, tagged=True, located=True)
        links = self.links(kind)
        return {
            "get": {
                "operationId": f"list{kind.name}",
                "security": _security(kind.read_scopes),
                "parameters": [*self.page_parameters(), _NAME_PARAMETER, *conditional],
                "responses": {"200": self.success("a page", self.page_schema(kind), tagged=True)}
                | self.not_modified()
                | self.error(400, 401, 403),
            },
            "post": {
                "operationId": f"create{kind.name}",
                "security": _security(kind.write_scopes),
                "parameters": [_POST_NONE_MATCH, _IDEMPOTENCY],
                "requestBody": body,
                "responses": {"201": created | {"links": links}} | self.error(400, 401, 403, 409, 412, 413, 415, 422),
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
        patch: Doc = {"schema": {"$ref": f"#/components/schemas/{kind.name}Patch"}}
        force = [_parameter("force", "query", {"type": "boolean"}, description="though it holds records")]
        return {
            "parameters": [_ID_PARAMETER],
            "get": {
                "operationId": f"read{kind.name}",
                "security": _security(kind.read_scopes),
                "parameters": conditional,
                "responses": {"200": self.success("the resource", ref, tagged=True)}
                | self.not_modified()
                | self.error(401, 403, 404),
            },
            "patch": {
                "operationId": f"update{kind.name}",
                "security": _security(kind.write_scopes),
                "parameters": self.match_parameter(kind),
                "requestBody": {"required": True, "content": {MERGE_PATCH: patch, JSON: patch}},
                "responses": {"200": self.success("changed", ref, tagged=True)}
                | self.error(400, 401, 403, 404, 409, 412, 413, 415, 422, 428),
            },
            "delete": {
                "operationId": f"delete{kind.name}",
                "security": _security(kind.write_scopes),
                "parameters": self.match_parameter(kind) + (force if kind.populated_field else []),
                "responses": {"204": {"description": "deleted", "headers": dict(_REQUEST_ID)}}
                | self.error(401, 403, 404, 409, 412, 428),
            },
        }

    def view(self, kind: Kind, view: str) -> Doc:
        """Describe a read-only sub-resource."""
        return {
            "parameters": [_ID_PARAMETER],
            "get": {
                "operationId": f"read{kind.name}{view.capitalize()}",
                "security": _security(kind.read_scopes),
                "responses": {"200": self.success(view, {"type": "object"}, tagged=False)} | self.error(401, 403, 404),
            },
        }


def _security(any_of: Iterable[str]) -> list[Doc]:
    return [{"oauth2": [scope]} for scope in sorted(any_of)]


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
            parameters = [_ID_PARAMETER, _IDEMPOTENCY]
            paths[kind.collection + "/{id}/execute"] = execution(describer.error, parameters, _REQUEST_ID)
        schemas[kind.name] = describer.shown_schema(kind)
        schemas[f"{kind.name}Create"] = kind.body.schema()
        schemas[f"{kind.name}Patch"] = kind.body.schema(partial=True)
    paths |= operation_paths(describer, kinds)
    return {
        "openapi": "3.1.0",
        "info": {"title": "CXone API contract, emulated", "version": "1"},
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": {"oauth2": SECURITY_SCHEME}},
    }
