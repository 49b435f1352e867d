"""The API's description as a page to read."""

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator

_METHODS = ("get", "post", "put", "delete")


@require_safe
def page(http: HttpRequest) -> HttpResponse:
    """Every operation: what it does, what it takes and what it answers."""
    schema = SchemaGenerator().get_schema(request=None, public=True)
    return render(http, "api/reference.html", {"info": schema["info"], "tags": _by_tag(schema)})


def _by_tag(schema: dict[str, Any]) -> list[dict[str, Any]]:
    tags: dict[str, list[dict[str, Any]]] = {}
    for path, methods in schema["paths"].items():
        for method in _METHODS:
            if method in methods:
                operation = methods[method]
                tags.setdefault(operation["tags"][0], []).append(_shown(path, method, operation, schema))
    return [{"name": name, "operations": tags[name]} for name in tags]


def _shown(path: str, method: str, operation: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    scopes = [scope for one in operation.get("security", []) for found in one.values() for scope in found]
    return {
        "id": operation["operationId"],
        "method": method.upper(),
        "path": path,
        "says": operation.get("description", ""),
        "scopes": sorted(set(scopes)),
        "parameters": [one for one in operation.get("parameters", []) if one["in"] != "path"],
        "fields": _fields(body.get("schema", {}), schema),
        "examples": [
            {"name": name, "value": json.dumps(one["value"], indent=2, ensure_ascii=False)}
            for name, one in body.get("examples", {}).items()
        ],
        "responses": [(status, one.get("description", "")) for status, one in operation["responses"].items()],
    }


def _fields(body: dict[str, Any], schema: dict[str, Any]) -> list[dict[str, Any]]:
    name = body.get("$ref", "").rpartition("/")[2]
    found = schema["components"]["schemas"].get(name, {})
    required = found.get("required", [])
    return [
        {"name": field, "required": field in required, "says": _says(content)}
        for field, content in found.get("properties", {}).items()
    ]


def _says(content: dict[str, Any]) -> str:
    kind = content.get("type") or content.get("format") or ""
    kind = " or ".join(kind) if isinstance(kind, list) else kind
    return " – ".join(part for part in (kind, content.get("description", "").split("\n\n")[0]) if part)
