"""What the provider counts, as the project records it."""

from typing import Any

from tutor.usage import Used


def of_response(model: str, counted: dict[str, Any] | None) -> Used | None:
    """What a response took; None where the provider does not say."""
    if not counted:
        return None
    given, made = counted.get("input_token_details") or {}, counted.get("output_token_details") or {}
    cached = given.get("cached_tokens_details") or {}
    return Used(
        "realtime",
        model,
        text_in=_count(given, "text_tokens") - _count(cached, "text_tokens"),
        audio_in=_count(given, "audio_tokens") - _count(cached, "audio_tokens"),
        cached_in=_count(given, "cached_tokens"),
        text_out=_count(made, "text_tokens"),
        audio_out=_count(made, "audio_tokens"),
    )


def of_transcription(model: str, counted: dict[str, Any] | None) -> Used | None:
    if not counted:
        return None
    given = counted.get("input_token_details") or {}
    return Used(
        "transcription",
        model,
        seconds=float(counted.get("seconds") or 0.0),
        text_in=_count(given, "text_tokens"),
        audio_in=_count(given, "audio_tokens"),
        text_out=_count(counted, "output_tokens"),
    )


def _count(counted: dict[str, Any], name: str) -> int:
    return int(counted.get(name) or 0)
