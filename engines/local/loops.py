"""Remove loops from transcripts: Whisper repeats itself when it recognises nothing."""

import re

# "W-w-w-w-w-w" is a loop of one word, too.
_WORD_LOOP = re.compile(r"\b(\w[^\s,.!?-]*)(?:[\s,.!?-]+\1\b){5,}", re.IGNORECASE)
_PHRASE_LOOP = re.compile(r"\b(\w\S*(?:\s+\S+){1,11}?)(?:\W+\1){3,}", re.IGNORECASE)


def without_loops(text: str) -> str:
    """Keep one of the repetitions. People repeat words too, but not six times."""
    return _PHRASE_LOOP.sub(r"\1", _WORD_LOOP.sub(r"\1", text))
