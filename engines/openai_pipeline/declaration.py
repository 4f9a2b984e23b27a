"""Declare the engine that talks over OpenAI-compatible servers, one for each stage."""

from django.conf import settings

from engines.interface import Capabilities
from engines.openai import endpoints
from engines.openai.openai_declaration import OpenAIDeclaration


class PipelineDeclaration(OpenAIDeclaration):
    name = "openai_pipeline"
    engine = "engines.openai_pipeline.engine.PipelineEngine"
    preference = 2
    capabilities = Capabilities(supports_preemptive=True, invents_in_silence=True, multilingual=True, moderates=True)
    uses = needs = ("transcription", "chat", "speech")
    answers = "chat"

    def configured(self) -> bool:
        """Return whether there is a key, or another server than OpenAI's, which may need none."""
        has_key = any(stage.key for stage in endpoints.stages(self.uses))
        return has_key or bool(settings.OPENAI_BASE_URL) or endpoints.with_own_server(self.uses)


DECLARATION = PipelineDeclaration()
