import hashlib


def make_key(key: str, prefix: str, version: int) -> str:
    """Return a digest of the key, for Django's KEY_FUNCTION. It hides the ids of learners and addresses in the cache's file."""
    return hashlib.sha256(f"{prefix}:{version}:{key}".encode()).hexdigest()
