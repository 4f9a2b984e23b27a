"""Parse multipart/form-data as HTTP clients write it."""

import re
from dataclasses import dataclass

from simulators.openai.error_shapes import ApiError

BOUNDARY = re.compile(r'boundary="?([^";]+)"?')
NAME = re.compile(r'\bname="([^"]*)"')
FILENAME = re.compile(r'\bfilename="([^"]*)"')


@dataclass(frozen=True)
class Upload:
    filename: str
    data: bytes


def parse(body: bytes, content_type: str) -> tuple[dict[str, list[str]], dict[str, Upload]]:
    """Return the fields, without the brackets of list names, and the files. Raises ApiError."""
    boundary = BOUNDARY.search(content_type)
    if not content_type.startswith("multipart/form-data") or not boundary:
        raise ApiError(400, "Could not parse multipart form")
    fields: dict[str, list[str]] = {}
    files: dict[str, Upload] = {}
    for part in (b"\r\n" + body).split(b"\r\n--" + boundary[1].encode())[1:-1]:
        head, _, data = part.partition(b"\r\n\r\n")
        described = head.decode("utf-8", "replace")
        name = NAME.search(described)
        if not name:
            raise ApiError(400, "Could not parse multipart form")
        if filename := FILENAME.search(described):
            files[name[1]] = Upload(filename[1], data)
        else:
            fields.setdefault(name[1].removesuffix("[]"), []).append(data.decode("utf-8", "replace"))
    return fields, files
