"""Build the smallest answer that a JSON schema allows."""

from core.json_types import Json

PLAIN: dict[str, object] = {"string": "", "integer": 0, "number": 0, "boolean": False, "null": None}


def smallest(schema: Json, root: Json | None = None) -> object:
    """Return the smallest value for a schema.

    Supports the part of JSON Schema that structured outputs allow: objects, arrays, enums, anyOf, and $ref into $defs.
    """
    root = root or schema
    if "$ref" in schema:
        found = root
        for name in schema["$ref"].removeprefix("#").strip("/").split("/"):
            found = found[name] if name else found
        return smallest(found, root)
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
