"""Reserve the money for a session's next turn."""

from collections.abc import Sequence

from engines.openai import paying
from engines.openai.clients import model
from tutor.domain import EnoughForToday, Line
from usage import metering, spending
from usage.budget import Reservation
from usage.metering import Used

# Seconds of the learner's voice and of the answer. Few turns are longer.
HEARD_S, SPOKEN_S = 60.0, 60.0
# Tokens of the words of such an answer.
WRITTEN = 300


class Deposit:
    """Hold the reservation of one session. It lasts, because a provider that detects turns answers without being asked."""

    def __init__(self, instructions: str) -> None:
        self._instructions = instructions
        self._reservation: Reservation | None = None
        # The latest response, whose tokens the next one reads again.
        self._latest: Used | None = None
        # Of voice in the current turn.
        self._seconds = 0.0

    def renew(self, lines: Sequence[Line], seconds: float) -> EnoughForToday | None:
        """Reserve the cost of a turn with so many seconds of voice after these lines. Return the error if a limit forbids it."""
        self.release()
        self._seconds = seconds
        try:
            dollars = spending.cost(self._estimate(lines, max(HEARD_S, seconds))) or 0.0
            self._reservation = paying.reserved(dollars)
        except EnoughForToday as error:
            return error
        return None

    def charge(self, used: Used) -> None:
        """Count what the provider has counted, also where nothing is reserved any more."""
        used = metering.valid(used)
        if used.stage == "realtime":
            self._latest = used
        if self._reservation is None:
            self._reservation = Reservation(0.0)
        dollars = spending.cost([used])
        if dollars is None and used.stage == "transcription":
            # Some models count tokens and are billed by the minute.
            dollars = spending.cost([paying.transcription(used.model, self._seconds)])
        self._reservation.charge(dollars or 0.0)

    def release(self, *, abandoned: bool = False) -> None:
        """Give back what is left. With `abandoned`, count it, because the provider may go on with an answer."""
        if self._reservation:
            if abandoned:
                self._reservation.charge(self._reservation.left)
            self._reservation.release()
        self._reservation = None

    def _estimate(self, lines: Sequence[Line], seconds: float) -> list[Used]:
        heard = round(seconds * paying.TOKENS_HEARD_A_SECOND)
        spoken = round(SPOKEN_S * paying.TOKENS_SPOKEN_A_SECOND)
        if before := self._latest:
            read, heard_before = before.text_in + before.text_out, before.audio_in + before.audio_out
            cached = before.cached_in
        else:
            read = paying.of_text(len(self._instructions) + sum(len(line.text) for line in lines))
            heard_before = cached = 0
        response = Used(
            "realtime",
            model("realtime"),
            text_in=read,
            audio_in=heard_before + heard,
            cached_in=cached,
            text_out=WRITTEN,
            audio_out=spoken,
        )
        return [response, paying.transcription(model("transcription"), seconds)]
