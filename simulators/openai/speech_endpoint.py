"""Serve `/v1/audio/speech`, streamed: a tone whose length follows from the text."""

import asyncio
import base64
import math

from core.json_types import Json
from simulators.openai import error_shapes, scripted_words, sound
from simulators.openai.error_shapes import ApiError
from simulators.openai.http_exchange import HttpExchange

LONGEST = 4096  # characters
SLOWEST, FASTEST = 0.25, 4.0


async def create(exchange: HttpExchange) -> None:
    asked = exchange.request_json()
    exchange.check_model(asked)
    _check(asked)
    file_format = asked.get("response_format", "mp3")
    pcm = sound.tone(asked["input"], exchange.settings.ms_per_character / asked.get("speed", 1.0))
    data = await asyncio.to_thread(sound.encoded, pcm, file_format) if pcm else b""
    length_ms = sound.milliseconds(pcm)
    pieces = sound.pieces(data, math.ceil(length_ms / exchange.settings.audio_chunk_ms))
    exchange.journal.bill(asked["model"], seconds=length_ms / 1000, characters=len(asked["input"]))
    as_events = asked.get("stream_format") == "sse"
    delays = exchange.settings.delays
    await exchange.pace.until(delays.speech_first_byte_ms)
    await (exchange.stream() if as_events else exchange.stream(sound.CONTENT_TYPES[file_format]))
    for number, piece in enumerate(pieces):
        position_ms = length_ms * number / len(pieces)
        await exchange.pace.until(delays.speech_first_byte_ms + delays.speech_per_second_ms * position_ms / 1000)
        if as_events:
            await exchange.event({"type": "speech.audio.delta", "audio": base64.b64encode(piece).decode()})
        else:
            await exchange.piece(piece)
    if as_events:
        read, made = len(scripted_words.tokens(asked["input"])), round(length_ms / 50)
        usage = {"input_tokens": read, "output_tokens": made, "total_tokens": read + made}
        await exchange.event({"type": "speech.audio.done", "usage": usage})
    await exchange.end()


def _check(asked: Json) -> None:
    for name in ("input", "voice"):
        if not asked.get(name):
            raise error_shapes.missing(name)
    if len(asked["input"]) > LONGEST:
        message = f"Invalid 'input': string too long. Expected a string with maximum length {LONGEST}."
        raise ApiError(400, message, param="input", code="string_above_max_length")
    if asked.get("response_format", "mp3") not in sound.CONTENT_TYPES:
        raise ApiError(
            400, f"Invalid value: '{asked['response_format']}'.", param="response_format", code="invalid_value"
        )
    if not SLOWEST <= asked.get("speed", 1.0) <= FASTEST:
        raise ApiError(400, f"Invalid 'speed': expected a value from {SLOWEST} to {FASTEST}.", param="speed")
