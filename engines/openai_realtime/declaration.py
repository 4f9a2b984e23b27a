"""Declare the engine that talks over OpenAI's Realtime API."""

from django.conf import settings

from engines.interface import Capabilities
from engines.openai import endpoints
from engines.openai.openai_declaration import OpenAIDeclaration


class RealtimeDeclaration(OpenAIDeclaration):
    name = "openai_realtime"
    engine = "engines.openai_realtime.engine.RealtimeEngine"
    preference = 1
    capabilities = Capabilities(detects_turns=True, invents_in_silence=True, multilingual=True, moderates=True)
    uses = ("realtime", "transcription", "chat", "speech")
    needs = ("realtime",)
    answers = "realtime"

    def configured(self) -> bool:
        """Return whether there is a key and no stage has its own server, which would hardly have the Realtime API."""
        return bool(settings.OPENAI["realtime"]["key"]) and not endpoints.with_own_server(self.uses)


DECLARATION = RealtimeDeclaration()
