"""How the log tells of an error."""

import logging
import traceback
from typing import Any

from talking_agent.cloud import sentence


class Discreet(logging.Formatter):
    """What an error is and where it came from, without the values that a database quotes of a row: a learner said them."""

    def formatException(self, ei: Any) -> str:
        told, error = list[str](), ei[1]
        while error:
            frames = "".join(traceback.format_tb(error.__traceback__)).rstrip()
            told.append(f"{frames}\n{type(error).__qualname__}: {sentence(error)}")
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        return "\nThis came of:\n".join(told)
