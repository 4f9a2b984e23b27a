"""Decide whether an attempt has the corrected words. The rest of the sentence may differ: another way to say it is right, too."""

from collections.abc import Sequence

from learning.cards import RIGHT, UNSURE, WRONG
from learning.kinds import kind_of, written_out
from tutor.transcripts import Transcript


def judge(heard: Transcript, said: str, better: str, corrected: str) -> str:
    """Return RIGHT, WRONG, or UNSURE if the words that decide may have been misheard.

    `said` and `better` are the correction, `corrected` is the whole sentence without mistakes.
    """
    kind = kind_of(said, better)
    if heard.doubt and not has_form(heard.certain, said, better):
        return UNSURE
    words, model = written_out(heard.text), written_out(corrected)
    mistake, form = written_out(" ".join(kind.said)), written_out(" ".join(kind.better))
    # "He works hard at work" has the mistaken word at another place, where it is right, and "the cinema" has "cinema".
    allowed = max(_count(mistake, model), _count(form, words) * _count(mistake, form))
    repeats_mistake = bool(mistake) and _count(mistake, words) > allowed
    if has_form(heard.text, said, better) and not repeats_mistake:
        return RIGHT
    return UNSURE if heard.doubt else WRONG


def has_form(text: str, said: str, better: str) -> bool:
    """Return whether a text has the corrected words, with contractions counted as written out."""
    form = written_out(" ".join(kind_of(said, better).better))
    return bool(form) and _count(form, written_out(text)) > 0


def _count(form: Sequence[str], words: Sequence[str]) -> int:
    return sum(tuple(words[at : at + len(form)]) == tuple(form) for at in range(len(words) - len(form) + 1))
