"""Share the verbs of both provider engines: everything they can do beside talking."""

from engines.openai import (
    chat_completions,
    clients,
    corrections,
    moderation_endpoint,
    read_aloud,
    talk_assessment,
    text_to_speech,
    transcription,
    translation,
)


class ProviderVerbs:
    """Implement the verbs of `Engine` with the endpoint of each stage."""

    correct = staticmethod(corrections.correct)
    analyse = staticmethod(talk_assessment.analyse)
    translate = staticmethod(translation.translate)
    transcribe = staticmethod(transcription.transcript)
    speak = staticmethod(text_to_speech.speak)
    chat = staticmethod(chat_completions.reply)
    moderate = staticmethod(moderation_endpoint.judge)

    async def close(self) -> None:
        await read_aloud.close()
        await clients.close()
