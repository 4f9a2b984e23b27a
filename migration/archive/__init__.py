"""Everything that is stored, in one file, which restores into any store.

A plain tar. In this order: `conversations/NUMBER.jsonl`, a conversation with its messages a line; then, batch by batch,
recordings as files under their keys, and `recordings/NUMBER.jsonl`, which says what they are and has their SHA-256;
`accounts.json`; the `secret_key`, if asked for; `manifest.json`, which has the SHA-256 of each of these parts; `manifest.sha256`.
What describes comes after what it describes, so that it is written in one go, and neither side holds more than a batch.
"""


class Unusable(Exception):
    """The archive cannot be used, or not be written; the message says which part, why, and what to do."""
