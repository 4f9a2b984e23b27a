"""Talk hold-to-talk with pipecat-ai 1.14: its own OpenAI services for all stages, behind its WebSocket server.

    .venv-pipecat/bin/python bench/peers_talk/pipecat_talk.py URL PORT

Needs only the packages of `.venv-pipecat`. A client sends the text "start", its sound as binary frames (PCM16 24 kHz),
and the text "stop". It gets the answer's sound as binary frames. Parts that the comparison does not need are off: voice
detection, RTVI, logs.
"""

import asyncio
import sys

from loguru import logger
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    InputTransportMessageFrame,
    OutputAudioRawFrame,
    ProposedUserStartedSpeakingFrame,
    ProposedUserStoppedSpeakingFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.serializers.base_serializer import FrameSerializer
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.services.openai.stt import OpenAISTTService
from pipecat.services.openai.tts import OpenAITTSService
from pipecat.transports.websocket.server import (
    SingleClientWebsocketServerParams,
    SingleClientWebsocketServerTransport,
)
from pipecat.turns.user_turn_strategies import ExternalUserTurnStrategies
from pipecat.workers.runner import WorkerRunner

RATE = 24_000
KEY = "sk-simulated"
BRIEF = "You are a patient partner for spoken English. Answer briefly, and end with a question."


class Plain(FrameSerializer):
    """Pass sound through unchanged. Read everything else as a text message."""

    async def serialize(self, frame: Frame) -> bytes | None:
        return frame.audio if isinstance(frame, OutputAudioRawFrame) else None

    async def deserialize(self, data: str | bytes) -> Frame:
        if isinstance(data, bytes):
            return InputAudioRawFrame(audio=data, sample_rate=RATE, num_channels=1)
        return InputTransportMessageFrame(message=data)


class HoldToTalk(FrameProcessor):
    """Take the beginning and the end of a turn from the learner, in place of a voice detector."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if not isinstance(frame, InputTransportMessageFrame):
            await self.push_frame(frame, direction)
        elif frame.message == "start":
            await self.push_frame(ProposedUserStartedSpeakingFrame())
            await self.push_frame(VADUserStartedSpeakingFrame())
        else:
            await self.push_frame(VADUserStoppedSpeakingFrame())


class TurnEnd(FrameProcessor):
    """End the turn when its transcript arrives. If it ended earlier, pipecat would wait half a second for more."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)
        if isinstance(frame, TranscriptionFrame):
            await self.push_frame(ProposedUserStoppedSpeakingFrame())


def pipeline(url: str, port: int) -> Pipeline:
    params = SingleClientWebsocketServerParams(audio_in_enabled=True, audio_out_enabled=True, serializer=Plain())
    transport = SingleClientWebsocketServerTransport(params, host="127.0.0.1", port=port)
    strategies = LLMUserAggregatorParams(user_turn_strategies=ExternalUserTurnStrategies())
    aggregators = LLMContextAggregatorPair(LLMContext(), user_params=strategies)
    chat = OpenAILLMService.Settings(model="gpt-5.4-mini", system_instruction=BRIEF)
    return Pipeline(
        [
            transport.input(),
            HoldToTalk(),
            OpenAISTTService(api_key=KEY, base_url=url),
            TurnEnd(),
            aggregators.user(),
            OpenAILLMService(api_key=KEY, base_url=url, settings=chat),
            OpenAITTSService(api_key=KEY, base_url=url),
            transport.output(),
            aggregators.assistant(),
        ]
    )


async def main(url: str, port: int) -> None:
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    params = PipelineParams(audio_in_sample_rate=RATE, audio_out_sample_rate=RATE)
    worker = PipelineWorker(
        pipeline(url, port), params=params, enable_rtvi=False, idle_timeout_secs=None, cancel_on_idle_timeout=False
    )
    runner = WorkerRunner()
    await runner.add_workers(worker)
    await runner.run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
