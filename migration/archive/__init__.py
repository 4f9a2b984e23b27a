"""Hold everything that is stored in one file, which restores into any store.

The file is a plain tar with these parts, in this order:

* `conversations/NUMBER.jsonl`: on each line a conversation with its messages.
* Batch by batch, the recordings as files under their keys, and `recordings/NUMBER.jsonl`, which describes them and has
  their SHA-256.
* `accounts.json`.
* `secret_key`, if asked for.
* `manifest.json`: the SHA-256 of each of these parts.
* `manifest.sha256`.

A description comes after the files that it describes. So the archive is written in one go, and neither writer nor
reader holds more than a batch in memory.
"""


class UnusableArchive(Exception):
    """Report an archive that cannot be used or written. The message says which part, why, and what to do."""
