"""Read the settings of the OpenAI-compatible servers, which both engines that use them share."""

from core.env import text

OPENAI_API_KEY = text("OPENAI_API_KEY")
OPENAI_BASE_URL = text("OPENAI_BASE_URL")


def provided(url: str, key: str, model: str) -> dict[str, str]:
    """Return the address, key and model of a stage: its own settings, else those of all stages."""
    # The shared key is not sent to a server that only this stage uses.
    shared = "" if url else OPENAI_API_KEY
    return {"url": url or OPENAI_BASE_URL or "https://api.openai.com/v1", "key": key or shared, "model": model}


# The server, key and model of each stage. The default models have no announced end. OpenAI has announced the end of all models of
# its speech endpoint, and recommends a Realtime model instead. A speech model with "realtime" in its name uses the Realtime API.
OPENAI = {
    "realtime": provided("", "", text("OPENAI_REALTIME_MODEL", "gpt-realtime-2.1-mini")),
    "transcription": provided(
        text("OPENAI_TRANSCRIPTION_URL"),
        text("OPENAI_TRANSCRIPTION_KEY"),
        text("OPENAI_TRANSCRIPTION_MODEL", "gpt-transcribe"),
    ),
    "chat": provided(text("OPENAI_CHAT_URL"), text("OPENAI_CHAT_KEY"), text("OPENAI_CHAT_MODEL", "gpt-5.4-mini")),
    "speech": provided(
        text("OPENAI_SPEECH_URL"), text("OPENAI_SPEECH_KEY"), text("OPENAI_SPEECH_MODEL", "gpt-realtime-2.1-mini")
    ),
    # Judges what is said in a talk. Without a model, or with a server that has no such endpoint, the word list judges alone.
    "moderation": provided(
        text("OPENAI_MODERATION_URL"),
        text("OPENAI_MODERATION_KEY"),
        text("OPENAI_MODERATION_MODEL", "omni-moderation-latest"),
    ),
}
OPENAI_VOICE = text("OPENAI_VOICE", "marin")
