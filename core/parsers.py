"""Parse JSON from clients, and refuse JSON that would exhaust the memory or the stack."""

import io
import json
from collections.abc import Mapping
from typing import IO

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from core.json_types import Json

MAX_DEPTH = 50
# Values are counted by the characters before them, which also count inside text.
MAX_VALUES = 1_000_000
TOO_DEEP = "The JSON is nested too deeply."


def check_size(data: bytes | str, most: int = MAX_VALUES) -> None:
    """Raise ValueError for JSON with more than `most` values. Parsing them would hold the interpreter, and fill the memory."""
    values = sum(map(data.count, ",[{")) if isinstance(data, str) else sum(map(data.count, b",[{"))
    if values > most:
        raise ValueError(f"The JSON holds more than {most:,} values.")


class StrictJSONParser(JSONParser):
    """Parse JSON. Answer with an error if its nesting would exhaust the stack, or its values the memory."""

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, object] | None = None
    ) -> Json:
        data = stream.read()
        try:
            check_size(data)
            parsed = super().parse(io.BytesIO(data), media_type, parser_context)
        except RecursionError as error:
            raise ParseError(TOO_DEEP) from error
        except ParseError as error:
            match error.__context__:
                case json.JSONDecodeError(lineno=line, colno=column):
                    why = f"see line {line}, column {column}"
                case UnicodeDecodeError():
                    why = "it is not UTF-8"
                case _:
                    why = "a number in it is not finite"
            raise ParseError(f"The body is not valid JSON: {why}.") from error
        except ValueError as error:
            raise ParseError(str(error)) from error
        _check_depth(parsed)
        return parsed


class UntypedJSONParser(StrictJSONParser):
    """Parse a body as JSON whatever its declared type, because some clients declare none."""

    media_type = "*/*"


def _check_depth(value: object) -> None:
    # JSON that can be parsed here may still exhaust the stack where it is saved or sent.
    level: list[list[object] | dict[str, object]] = [[value]]
    for _ in range(MAX_DEPTH + 1):
        children = (inner for outer in level for inner in (outer.values() if isinstance(outer, dict) else outer))
        level = [child for child in children if isinstance(child, list | dict)]
        if not level:
            return
    raise ParseError(TOO_DEEP)
