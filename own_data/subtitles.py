"""Write one talk as SRT subtitles for its recordings, played one after the other.

A message with a recording lasts as long as that. The length of a message that was not recorded is the one that was measured,
or is estimated from its words.
"""

import textwrap
from collections.abc import Iterator

from conversations.lookup import StoredConversation
from core.batches import batches
from own_data.talk_markdown import SPEAKERS
from talk.dialogue import spoken_s

# How fast people read aloud, and the shortest time that a cue can be read in.
CHARACTERS_A_SECOND = 15.0
SHORTEST = 1.0  # seconds
# Characters of a line. Players show two lines at a time.
LINE, LINES = 42, 2
# Players take the first four as markup, also in "-->", and "\N" as a line break.
_MARKUP = str.maketrans("<>{}\\", "()()/")


def of(stored: StoredConversation) -> str:
    cues = enumerate(_cues(stored), start=1)
    return "\n".join(f"{number}\n{_time(start)} --> {_time(end)}\n{text}\n" for number, (start, end, text) in cues)


def _cues(stored: StoredConversation) -> Iterator[tuple[float, float, str]]:
    """Yield the start and the end of each cue in seconds, and its lines. A long message has several, as long as their words."""
    start = 0.0
    for message in stored.messages:
        words = " ".join(message.content.translate(_MARKUP).split())
        lines = textwrap.wrap(f"{SPEAKERS.get(message.role, message.role)}: {words}", LINE) if words else []
        seconds = spoken_s(message, stored) or (max(SHORTEST, len(words) / CHARACTERS_A_SECOND) if words else 0.0)
        characters = sum(map(len, lines))
        end = start + seconds
        for cue in batches(lines, LINES):
            until = start + seconds * sum(map(len, cue)) / characters
            yield start, until, "\n".join(cue)
            start = until
        start = end


def _time(seconds: float) -> str:
    minutes, milliseconds = divmod(round(1000 * seconds), 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{milliseconds // 1000:02},{milliseconds % 1000:03}"
