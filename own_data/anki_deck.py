"""Write the learner's mistakes into an Anki deck, each with the learner's own voice and the agent's.

The ids of the deck and of its note type never change, and a mistake keeps its guid. So Anki updates the notes of an earlier
import, and keeps their schedule. genanki makes the notes. The file is written here, because genanki leaves a copy of them in
the folder for temporary files.
"""

import hashlib
import html
import itertools
import json
import logging
import sqlite3
import time
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path

import genanki

from audio import encoding, mp3, recordings
from audio.models import Recording
from core import cloud
from learning import talk_mistakes
from own_data import agent_voice
from own_data.export_progress import ExportProgress
from talk.turns import CallRefused
from tutor.domain import EngineError

# Chosen once, at random.
MODEL_ID, DECK_ID = 1_716_209_843, 1_893_064_527
DECK = "Talking Agent: my mistakes"
MOST_NOTES = 1000
# Seconds. A longer recording is left out: the mistake would be hard to find in it.
LONGEST_SOUND = 60.0
# Characters that the agent's voice reads.
LONGEST_SPOKEN = 300
# Seconds for all sentences in the agent's voice, and failures one after the other. Beyond that, notes have text only.
SPEAKING = 900.0
MOST_FAILURES = 3
# Seconds for reading one recording from the bucket.
PATIENCE = 20.0

FIELDS = ("Said", "Better", "Why", "Question", "My voice", "Agent's voice")
FRONT = """\
{{#Question}}<p class="question">{{Question}}</p>{{/Question}}
<p>You said:</p><p class="said">{{Said}}</p>{{My voice}}
<p class="task">Say it right.</p>"""
BACK = """\
{{FrontSide}}<hr id="answer">
<p class="better">{{Better}}</p>{{Agent's voice}}
<p class="why">{{Why}}</p>"""
STYLE = """\
.card { font: 20px/1.5 sans-serif; text-align: center; }
.question, .task, .why { opacity: .75; font-size: 17px; }
.better { font-weight: bold; }"""
MODEL = genanki.Model(
    MODEL_ID,
    "Talking Agent: mistake",
    fields=[{"name": name} for name in FIELDS],
    templates=[{"name": "Say it right", "qfmt": FRONT, "afmt": BACK}],
    css=STYLE,
)

logger = logging.getLogger(__name__)


def write(path: Path, learner: uuid.UUID, conversation: str) -> Iterator[ExportProgress]:
    """Write the deck of one talk, or of all if `conversation` is empty, and yield the progress after each note.

    Raises OutOfReach, OSError, cloud.Unavailable.
    """
    progress = ExportProgress()
    mistakes = talk_mistakes.of_learner(learner, conversation, MOST_NOTES)
    deck, voice = genanki.Deck(DECK_ID, DECK), _AgentVoice(learner)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        media = _Media(file)
        for number, mistake in enumerate(mistakes, start=1):
            own, is_lost = _own_sound(mistake.recording)
            progress.unheard += is_lost
            texts = [mistake.sentence, mistake.corrected, mistake.why, mistake.question]
            sounds = [media.add(own), media.add(voice.speak(mistake.corrected))]
            guid = genanki.guid_for(str(mistake.card))
            deck.add_note(genanki.Note(MODEL, [*map(_escaped, texts), *sounds], guid=guid))
            progress.share = number / len(mistakes)
            yield progress
        file.writestr("collection.anki2", _collection(deck))
        media.finish()


class _AgentVoice:
    """Speak sentences until the time is used up, or the engines fail again and again."""

    def __init__(self, learner: uuid.UUID) -> None:
        self._learner, self._until, self._failures = learner, time.monotonic() + SPEAKING, 0

    def speak(self, text: str) -> bytes:
        """Return MP3, or nothing if the sentence cannot be spoken."""
        if len(text) > LONGEST_SPOKEN or self._failures >= MOST_FAILURES or time.monotonic() > self._until:
            return b""
        try:
            spoken = mp3.from_pcm(agent_voice.speak(self._learner, text)).data
        except CallRefused:
            return b""
        except (EngineError, TimeoutError) as error:
            self._failures += 1
            logger.warning("A sentence of an Anki deck has no voice of the agent: %s", type(error).__name__)
            return b""
        self._failures = 0
        return spoken


class _Media:
    """Add sounds to the file as Anki names them: by number, and `media` says which name each has in Anki's folder."""

    def __init__(self, file: zipfile.ZipFile) -> None:
        self._file, self._numbers = file, dict[str, str]()

    def add(self, sound: bytes) -> str:
        """Add MP3, once. Return the field that plays it, "" without sound."""
        if not sound:
            return ""
        name = f"talking-agent-{hashlib.sha256(sound).hexdigest()[:24]}.mp3"
        if name not in self._numbers:
            self._numbers[name] = str(len(self._numbers))
            self._file.writestr(self._numbers[name], sound, zipfile.ZIP_STORED)
        return f"[sound:{name}]"

    def finish(self) -> None:
        self._file.writestr("media", json.dumps({number: name for name, number in self._numbers.items()}))


def _own_sound(recording: Recording | None) -> tuple[bytes, bool]:
    """Return a recording as MP3, nothing if it is too long or lost, and whether it is lost."""
    if recording is None or recording.duration > LONGEST_SOUND:
        return b"", False
    try:
        with cloud.patience(PATIENCE):
            data = recordings.read(recording)
        return mp3.from_pcm(encoding.to_pcm(data), synthetic=False).data, False
    except (FileNotFoundError, encoding.BadAudio):
        return b"", True


def _escaped(words: str) -> str:
    """Return the words as HTML. A bracket would begin Anki's own markup, such as [sound:…], and a backslash a formula."""
    return (
        html.escape(" ".join(words.split())).replace("[", "&#91;").replace("\\", "\\&#8288;").replace("{{", "{&#8288;{")
    )


def _collection(deck: genanki.Deck) -> bytes:
    """Return the database of the deck, made in memory."""
    now = time.time()
    connection = sqlite3.connect(":memory:")
    try:
        genanki.Package(deck).write_to_db(connection.cursor(), now, itertools.count(int(now * 1000)))
        connection.commit()
        return connection.serialize()
    finally:
        connection.close()
