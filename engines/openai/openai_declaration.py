"""Provide the common part of the declarations of engines that use OpenAI-compatible servers."""

from collections.abc import Iterable
from datetime import UTC, datetime

from django.conf import settings
from django.core.checks import CheckMessage

import engines
from core.findings import Probe
from engines.interface import Declaration, Receiver
from engines.openai import checks, endpoints
from engines.openai.endpoints import Stage


class OpenAIDeclaration(Declaration):
    # The names of the stages that the engine uses, in a talk or beside it.
    uses: tuple[str, ...]
    # The stages that it cannot talk without.
    needs: tuple[str, ...]
    # The stage whose model answers.
    answers: str

    def system_checks(self) -> Iterable[CheckMessage]:
        used, needed = endpoints.stages(self.uses), endpoints.stages(self.needs)
        judging = endpoints.stages(endpoints.moderation())
        return checks.messages(self.name, used, needed, datetime.now(UTC).date(), judging)

    def verify_checks(self) -> Iterable[Probe]:
        # Imported here, so that a server without a provider does not load httpx2.
        from engines.openai import verify_checks

        return verify_checks.probes(stages_in_use(), datetime.now(UTC).date())

    def model(self) -> str:
        return str(settings.OPENAI[self.answers]["model"])

    def receivers(self) -> tuple[Receiver, ...]:
        used = endpoints.stages(self.uses + endpoints.moderation())
        return tuple(Receiver(stage.provider, stage.host, stage.name) for stage in used)


def stages_in_use() -> list[Stage]:
    """Return the stages of all engines in use."""
    using = [each for each in engines.in_use() if isinstance(each, OpenAIDeclaration)]
    return endpoints.stages({name for each in using for name in each.uses})
