"""Format errors for the log."""

import logging
import traceback
from types import TracebackType

from core.cloud import sentence
from core.files import is_of_the_disk

# As `sys.exc_info` returns it.
ErrorInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class WithoutTraceback(logging.Filter):
    """Reduce a record to its message: the error came with a request, and its place in the code does not help."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.exc_info = record.exc_text = None
        return True


class Discreet(logging.Formatter):
    """Write an error's class and place without the row values that a database quotes: they may be a learner's words."""

    def formatException(self, ei: ErrorInfo) -> str:
        parts, error = list[str](), ei[1]
        if error and is_of_the_disk(error):
            # The traceback does not help here, and every request meets a full disk.
            return f"{type(error).__qualname__}: {sentence(error)}"
        while error:
            frames = "".join(traceback.format_tb(error.__traceback__)).rstrip()
            parts.append(f"{frames}\n{type(error).__qualname__}: {sentence(error)}")
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        return "\nThis came of:\n".join(parts)
