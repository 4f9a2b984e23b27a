"""Read and check tables of data files. Each method takes a key, and raises an error that names the file and the key."""

import re
import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

# Characters: about 15 seconds of speech, the most that a learner should have to listen to at once.
LONGEST_SPOKEN = 220
_BADLY_SPOKEN = re.compile(r"[*_#`<>\[\]|\\\u2026\u2014]|\.\.|\s\s|\n|[\U00002190-\U0010ffff]")
SLOT = re.compile(r"\{(\w+)\}")
_LIST = re.compile(r"\{([a-z_]+)\}")


class DataFileError(Exception):
    """Report an invalid data file. The text names the file and the field."""


def read(path: Path) -> "Table":
    """Return the content of a TOML file. Raises DataFileError if it cannot be read."""
    try:
        return Table(path.name, tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise DataFileError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataFileError(f"{path.name}: is not valid TOML: {error}") from error


def slots(template: str) -> frozenset[str]:
    return frozenset(SLOT.findall(template))


def with_lists(pattern: str, lists: Mapping[str, str]) -> str:
    """Return the pattern with `{name}` replaced by the alternatives of that list. Raises KeyError for an unknown one."""
    while match := _LIST.search(pattern):
        pattern = f"{pattern[: match.start()]}(?:{lists[match[1]]}){pattern[match.end() :]}"
    return pattern


class Table:
    """Hold one table of a file. Each method takes a key, and raises DataFileError if its value is invalid."""

    def __init__(self, place: str, values: Mapping[str, object], prefix: str = "") -> None:
        self._place = place
        self._values = values
        self._prefix = prefix
        self._known: set[str] = set()
        self._nested: list[Table] = []

    def __enter__(self) -> "Table":
        return self

    def __exit__(self, failed: type[BaseException] | None, *_: object) -> None:
        """Refuse unknown keys at the end of the block that reads the table."""
        if failed is None:
            self.refuse_unknown()

    def error(self, key: str, what: str) -> DataFileError:
        return DataFileError(f"{self._place}: {self._prefix}{key}: {what}")

    def text(self, key: str, *, optional: bool = False) -> str:
        value = self._value(key, str, "a text", "" if optional else None)
        if not optional and not value.strip():
            raise self.error(key, "is empty")
        return value

    def choice(self, key: str, allowed: tuple[str, ...]) -> str:
        value = self.text(key)
        if value not in allowed:
            raise self.error(key, f"must be one of {', '.join(allowed)}, not {value!r}")
        return value

    def spoken(self, key: str, *, question: bool = False, optional: bool = False) -> str:
        value = self.text(key, optional=optional)
        if value:
            self._check_spoken(key, value)
            if question and not (value.endswith("?") and value.count("?") == 1):
                raise self.error(key, "must be one question and end with its question mark")
        return value

    def lines(self, key: str) -> tuple[str, ...]:
        lines = self.texts(key)
        for line in lines:
            self._check_spoken(key, line)
            if slots(line) or "?" in line:
                raise self.error(key, f"must be plain statements, without slots or questions: {line!r}")
        return lines

    def says(self, key: str, *, questions: bool, optional: bool = False, slot: str | None = None) -> tuple[str, ...]:
        """Return spoken lines, all of them questions or all of them statements.

        With `slot`, each line must hold this slot and no other, with "" none. With None, lines may hold any slots.
        {question} counts as a question, so it ends a line: "Once more: {question}".
        """
        lines = self.texts(key, optional=optional)
        for line in lines:
            spoken = line.replace("{question}", "What?")
            self._check_spoken(key, spoken)
            if questions != spoken.endswith("?") or spoken.count("?") > 1:
                raise self.error(key, f"must be {'questions' if questions else 'statements'}: {line!r}")
            if slot is not None and slots(line) != frozenset(slot.split()):
                raise self.error(key, f"must hold {f'{{{slot}}} and no other slot' if slot else 'no slots'}: {line!r}")
        return lines

    def words(self, key: str) -> frozenset[str]:
        """Return the words of an optional text that lists them."""
        return frozenset(self.text(key, optional=True).split())

    def flag(self, key: str) -> bool:
        return self._value(key, bool, "true or false", False)

    def flags(self, *keys: str) -> dict[str, bool]:
        return {key: self.flag(key) for key in keys}

    def number(self, key: str) -> int:
        """Return a whole number, 0 if the key is missing."""
        return int(self._value(key, int, "a whole number", 0))

    def date(self, key: str) -> date:
        return self._value(key, date, "a date")

    def mapping(self, key: str) -> dict[str, str]:
        values = self._value(key, dict, "a table")
        if not all(isinstance(value, str) and value for value in values.values()):
            raise self.error(key, "must hold texts")
        return dict(values)

    def mappings(self, key: str) -> dict[str, dict[str, str]]:
        """Return tables of texts by their names."""
        table = self.table(key)
        return {name: table.mapping(name) for name in table._values}

    def table(self, key: str) -> "Table":
        self._nested.append(Table(self._place, self._value(key, dict, "a table"), f"{key}."))
        return self._nested[-1]

    def choices(self, key: str, allowed: tuple[str, ...]) -> tuple[str, ...]:
        """Return the values of a list, which must all be allowed. Empty if the key is missing."""
        values = self.texts(key, optional=True)
        if unknown := [value for value in values if value not in allowed]:
            raise self.error(key, f"must be among {', '.join(allowed)}, not {unknown[0]!r}")
        return values

    def tables(self, key: str, *, optional: bool = False) -> "list[Table]":
        entries = self._value(key, list, "a list of tables", [] if optional else None)
        if not all(isinstance(entry, dict) for entry in entries):
            raise self.error(key, "must be a list of tables")
        tables = []
        for number, entry in enumerate(entries, 1):
            name = entry.get("name")
            label = f" ({name})" if isinstance(name, str) else ""
            tables.append(Table(self._place, entry, f"{key}[{number}]{label}."))
        self._nested += tables
        return tables

    def patterns(
        self, key: str, lists: Mapping[str, str] | None = None, *, optional: bool = False
    ) -> tuple[re.Pattern[str], ...]:
        """Return a list of patterns. With `lists`, `{name}` in them stands for the alternatives of that list."""
        return tuple(self._compiled(key, pattern, lists) for pattern in self.texts(key, optional=optional))

    def pattern(self, key: str, lists: Mapping[str, str] | None = None) -> re.Pattern[str]:
        """Return a pattern. With `lists`, `{name}` in it stands for the alternatives of that list."""
        return self._compiled(key, self.text(key), lists)

    def optional_pattern(
        self, key: str, lists: Mapping[str, str] | None = None, template: str = "%s"
    ) -> re.Pattern[str] | None:
        """Return an optional pattern as `pattern` does, set into a template such as "(?:%s)$"."""
        text = self.text(key, optional=True)
        return self._compiled(key, text, lists, template) if text else None

    def refuse_unknown(self) -> None:
        """Raise an error for a key that was not read, in this table or in a table inside it."""
        for key in self._values.keys() - self._known:
            raise self.error(key, "is not a known field")
        for table in self._nested:
            table.refuse_unknown()

    def texts(self, key: str, *, optional: bool = False) -> tuple[str, ...]:
        """Return the texts of a list. None of them may be empty."""
        values = self._value(key, list, "a list of texts", [] if optional else None)
        if not all(isinstance(value, str) and value for value in values):
            raise self.error(key, "must be a list of texts")
        return tuple(values)

    def _value(self, key: str, kind: type[T], name: str, default: T | None = None) -> T:
        self._known.add(key)
        value = self._values.get(key, default)
        if value is None:
            raise self.error(key, "is missing")
        if not isinstance(value, kind):
            raise self.error(key, f"must be {name}")
        return value

    def _compiled(
        self, key: str, pattern: str, lists: Mapping[str, str] | None = None, template: str = "%s"
    ) -> re.Pattern[str]:
        try:
            pattern = template % (pattern if lists is None else with_lists(pattern, lists))
            return re.compile(pattern, re.IGNORECASE)
        except KeyError as error:
            raise self.error(key, f"there is no list {{{error.args[0]}}}") from error
        except re.error as error:
            raise self.error(key, f"{pattern!r} is not a regular expression: {error}") from error

    def _check_spoken(self, key: str, text: str) -> None:
        if len(text) > LONGEST_SPOKEN:
            raise self.error(key, f"is too long to be spoken ({len(text)} characters, at most {LONGEST_SPOKEN})")
        if bad := _BADLY_SPOKEN.search(text):
            raise self.error(key, f"holds {bad[0]!r}, which cannot be spoken well")
        if not text.endswith((".", "?", "!", '."', '?"')):
            raise self.error(key, "must end like a sentence")
