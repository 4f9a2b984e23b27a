"""Parse JSON from clients, and refuse JSON that would exhaust the memory or the stack."""

import io
import json
from collections.abc import Iterable, Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

MAX_DEPTH = 50
# Values are counted by the characters before them, which also count inside text.
MAX_VALUES = 1_000_000
TOO_DEEP = "The JSON is nested too deeply."


def check_size(data: bytes | str, most: int = MAX_VALUES) -> None:
    """Raise ValueError for JSON with more than `most` values.

    The parser would hold the interpreter until it is done, and take a hundred bytes for each `[]`.
    """
    signs: Any = ",[{" if isinstance(data, str) else (b",", b"[", b"{")
    if sum(data.count(sign) for sign in signs) > most:
        raise ValueError(f"The JSON holds more than {most:,} values.")


class StrictJSONParser(JSONParser):
    """Parse JSON. Answer with an error if its nesting would exhaust the stack, or its values the memory."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        data = stream.read()
        try:
            check_size(data)
            parsed = super().parse(io.BytesIO(data), media_type, parser_context)
        except RecursionError as error:
            raise ParseError(TOO_DEEP) from error
        except ParseError as error:
            raise ParseError(_in_words(error.__context__)) from error
        except ValueError as error:
            raise ParseError(str(error)) from error
        _check_depth(parsed)
        return parsed


class UntypedJSONParser(StrictJSONParser):
    """Parse a body as JSON whatever its declared type, because some clients declare none."""

    media_type = "*/*"


def _in_words(error: BaseException | None) -> str:
    match error:
        case json.JSONDecodeError():
            return f"The body is not valid JSON: see line {error.lineno}, column {error.colno}."
        case UnicodeDecodeError():
            return "The body is not valid JSON: it is not UTF-8."
        case _:
            return "The body is not valid JSON: a number in it is not finite."


def _check_depth(value: Any) -> None:
    # JSON that can be parsed here may still exhaust the stack where it is saved or sent.
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for outer in level for inner in _inside(outer) if isinstance(inner, list | dict)]
        if not level:
            return
    raise ParseError(TOO_DEEP)


def _inside(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
