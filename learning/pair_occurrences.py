"""Find attempts at minimal pairs in the messages of a conversation. `practice.pair_attempts` saves them in `measured`."""

from collections.abc import Iterator, Sequence

from conversations.models import Conversation, Message
from learning.models import PairAttempt
from learning.occurrences import moment_of

# Raise it when `find` changes. Then all conversations are read again.
VERSION = 1


def find(conversation: Conversation, messages: Sequence[Message]) -> Iterator[PairAttempt]:
    """Yield the attempts of a conversation. An archive may hold anything in `measured`."""
    for message in messages:
        pair = message.measured.get("pair") if isinstance(message.measured, dict) else None
        if message.role != Message.Role.USER or message.erased or not isinstance(pair, dict):
            continue
        contrast, way, meant, chosen = (pair.get(name) for name in ("contrast", "way", "meant", "chosen"))
        if not (isinstance(contrast, str) and contrast and isinstance(meant, str) and isinstance(chosen, str)):
            continue
        if way in PairAttempt.Way.values:
            yield PairAttempt(
                message=message.pk,
                learner=message.learner,
                conversation=message.conversation_id,
                contrast=contrast[:40],
                way=way,
                moment=moment_of(message),
                as_meant=meant == chosen,
            )
