"""Write one talk as Markdown.

The words of learners and models are text only: no word becomes a heading, a link, an image or HTML, in CommonMark or in
GitHub's dialect.
"""

import re
from collections.abc import Mapping

from conversations.lookup import StoredConversation
from learning.card_words import undisputed

SPEAKERS = {"user": "You", "assistant": "Agent"}
# A bare address becomes a link at "://" or "www.".
_MARKUP = re.compile(r"[\\`*_\[\]<>&#|~^$]|:(?=//)|(?<=www)\.|!(?=\[)", re.IGNORECASE)


def of(stored: StoredConversation, sounds: Mapping[str, str] | None = None) -> str:
    """Return the talk as Markdown. `sounds` has the name of the sound file of each message that has one, by the message's id."""
    row = stored.conversation
    lines = [f"# {escaped(row.title or row.topic)}", "", f"{row.timestamp:%Y-%m-%d %H:%M} UTC", ""]
    for message in stored.messages:
        lines += [f"**{SPEAKERS.get(message.role, message.role)}:** {escaped(message.content)}", ""]
        if name := (sounds or {}).get(message.wire_id):
            lines += [f"[Listen]({name})", ""]
        for each in undisputed(message):
            said, better, why = (escaped(str(each.get(name) or "")) for name in ("said", "better", "why"))
            lines += [f"> You said “{said}”. Better: “{better}”. {why}".rstrip(), ""]
    return "\n".join(lines)


def escaped(words: str) -> str:
    """Return the words on one line, with a backslash before everything that Markdown would take as markup."""
    marked = _MARKUP.sub(r"\\\g<0>", " ".join(words.split()))
    # GitHub makes links of e-mail addresses even then. A word joiner cannot be seen.
    return marked.replace("@", "@\u2060")
