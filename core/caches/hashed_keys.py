import hashlib


def make_key(key: str, prefix: str, version: int) -> str:
    """Return a digest of the key, as Django's KEY_FUNCTION. So nobody can read learners and addresses in a cache's file."""
    return hashlib.sha256(f"{prefix}:{version}:{key}".encode()).hexdigest()
