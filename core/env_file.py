"""Read files of settings, one NAME=value per line, as editors and shells write them.

No library does this without changing values silently: django-environ drops a backslash, python-dotenv turns `\\a` in double
quotes into a control character and keeps a comment after an empty value.

- `export` before the name and spaces around the = are allowed.
- Without quotes, a value ends at the line's end or before " #".
- Single quotes keep everything as it is. In double quotes, `\\n`, `\\r`, `\\"` and `\\\\` are a line feed, a carriage return, a
  quote and a backslash. Any other backslash is itself. A quoted value may span lines.
- Of two lines with one name, the last counts, as in a shell.
"""

import codecs
import os
import re
from dataclasses import dataclass
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

# UTF-32 comes first, because its byte order mark begins with that of UTF-16.
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)
BLANK = re.compile(r"[^\S\n]*(?:#[^\n]*)?(?:\n|\Z)")
NAME = re.compile(r"[^\S\n]*(?:export[^\S\n]+)?([A-Za-z_][A-Za-z0-9_.-]*)[^\S\n]*=[^\S\n]*")
QUOTED = re.compile(r""""(?:[^"\\]|\\.)*"|'[^']*'""", re.DOTALL)
ESCAPES = {r"\n": "\n", r"\r": "\r", r"\"": '"', r"\\": "\\"}
TYPOGRAPHIC = "“”„‘’‚«»"  # noqa: RUF001

# The place ("PATH, line N") of each variable that came from a file. It is kept here because the settings are imported again
# after they have failed.
WRITTEN_AT: dict[str, str] = {}
# Sentences about names that a file sets twice, in order.
REPEATED: dict[str, None] = {}


@dataclass(frozen=True, slots=True)
class Entry:
    name: str
    value: str
    line: int


def load(path: Path, *, must_exist: bool = True) -> None:
    """Set the variables that the environment lacks. Raises ImproperlyConfigured, also for a missing file that `must_exist`."""
    entries = read(path)
    if entries is None and must_exist:
        raise ImproperlyConfigured(f"ENV_FILES: there is no file {path}.")
    first: dict[str, Entry] = {}
    last: dict[str, Entry] = {}
    for entry in entries or []:
        last[entry.name] = entry
        earlier = first.setdefault(entry.name, entry)
        if earlier.value != entry.value:
            REPEATED[f"{path}, line {entry.line}: {entry.name} replaces the value of line {earlier.line}."] = None
    for name, entry in last.items():
        if name not in os.environ:
            os.environ[name] = entry.value
            WRITTEN_AT[name] = f"{path}, line {entry.line}"


def read(path: Path) -> list[Entry] | None:
    """Return the entries, or None without a file. Raises ImproperlyConfigured with the file and line, but no part of a value."""
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    except OSError as error:
        raise ImproperlyConfigured(f"{path} cannot be read: {error.strerror}.") from None
    return _entries(_decoded(data, path), path)


def value(written: str) -> str:
    """Return a value without its quotes and its comment."""
    quoted = QUOTED.match(written)
    if not quoted or not BLANK.fullmatch(written, quoted.end()):
        return re.split(r"\s#|^#", written, maxsplit=1)[0].strip()
    inner = quoted[0][1:-1]
    return inner if written[0] == "'" else re.sub(r"\\[nr\"\\]", lambda escape: ESCAPES[escape[0]], inner)


def _decoded(data: bytes, path: Path) -> str:
    encoding = next((name for mark, name in MARKS if data.startswith(mark)), "utf-8")
    if encoding == "utf-8" and b"\0" in data:
        raise ImproperlyConfigured(
            f"{path} has NUL bytes. It may be UTF-16 without a byte order mark: save it as UTF-8."
        )
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8-sig" and encoding != "utf-8":
            raise ImproperlyConfigured(
                f"{path} begins as {encoding.upper()} and is not valid: save it as UTF-8."
            ) from None
        line = re.sub(rb"\r\n?", b"\n", data[: error.start]).count(b"\n") + 1
        raise ImproperlyConfigured(
            f"{path}, line {line}: a character is not in UTF-8 (Latin-1 or Windows-1252, perhaps): save the file as UTF-8."
        ) from None
    if "\0" in text:
        raise ImproperlyConfigured(f"{path} has NUL characters: save it as UTF-8 text.")
    # Joined files have a byte order mark in the middle.
    return text.replace("\ufeff", "").replace("\r\n", "\n").replace("\r", "\n")


def _entries(text: str, path: Path) -> list[Entry]:
    found: list[Entry] = []
    position = 0
    while position < len(text):
        if blank := BLANK.match(text, position):
            position = blank.end()
            continue
        line = text.count("\n", 0, position) + 1
        name = NAME.match(text, position)
        if not name:
            raise _wrong(path, line, "write NAME=value. Put a value of several lines in quotes.")
        position = name.end()
        if text.startswith(("'", '"'), position):
            quoted = QUOTED.match(text, position)
            if not quoted:
                raise _wrong(path, line, "a quote is opened and never closed.")
            end = BLANK.match(text, quoted.end())
            if not end:
                closing = text.count("\n", 0, quoted.end()) + 1
                where = "" if closing == line else f" on line {closing}"
                raise _wrong(path, line, f"text follows the closing quote{where}.")
            written, position = quoted[0], end.end()
        else:
            written = text[position:].partition("\n")[0]
            position += len(written) + 1
            if written.startswith(tuple(TYPOGRAPHIC)):
                raise _wrong(path, line, f"{name[1]} has typographic quotes. Write \" or '.")
        found.append(Entry(name[1], value(written), line))
    return found


def _wrong(path: Path, line: int, what: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"{path}, line {line}: {what}")
