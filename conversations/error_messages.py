"""Put errors about conversations into words."""

UNWRITABLE = "The storage cannot be reached or written. It was not saved; try again in a moment."
WORDS_ONLY = "You have chosen that no recordings are kept. The words are kept."
DELETED = "This conversation was deleted."
CONFLICT = "Other requests keep changing this conversation. This one was not saved; try again in a moment."
OUT_OF_REACH = "The database with this conversation cannot be reached. Nothing is lost; try again in a moment."


def in_words(detail: object, path: str = "") -> str:
    """Return the first error with the path to it: `messages[3].role: Write user or assistant.`"""
    if isinstance(detail, dict) and detail:
        key, value = next((item for item in detail.items() if item[1]), next(iter(detail.items())))
        if isinstance(key, int):
            return in_words(value, f"{path}[{key}]")
        return in_words(value, path if key == "non_field_errors" else f"{path}.{key}" if path else str(key))
    if isinstance(detail, list) and detail:
        return in_words(detail[0], path)
    return f"{path}: {detail}" if path else str(detail)
