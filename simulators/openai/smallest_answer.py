"""Build the smallest answer that a JSON schema allows."""

import json
from typing import Any

PLAIN: dict[str, Any] = {"string": "", "integer": 0, "number": 0, "boolean": False, "null": None}


def as_json(answer: Any) -> str:
    return answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)


def smallest(schema: dict[str, Any], root: dict[str, Any] | None = None) -> Any:
    """Return the smallest value for a schema.

    Supports the part of JSON Schema that structured outputs allow: objects, arrays, enums, anyOf, and $ref into $defs.
    """
    root = root or schema
    if "$ref" in schema:
        return smallest(_referred(schema["$ref"], root), root)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return smallest(schema["anyOf"][0], root)
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: smallest(each, root) for name, each in schema.get("properties", {}).items()}
    if kind == "array":
        return [smallest(schema["items"], root) for _ in range(schema.get("minItems", 0))]
    return schema.get("minimum", PLAIN[kind])


def _referred(reference: str, root: dict[str, Any]) -> dict[str, Any]:
    found = root
    for name in reference.removeprefix("#").strip("/").split("/"):
        found = found[name] if name else found
    return found
