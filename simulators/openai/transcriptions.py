"""Serve `/v1/audio/transcriptions`: json, text, verbose_json, and a stream of deltas."""

import asyncio
import hashlib
import re

from simulators.openai import error_shapes, scripted_words, sound
from simulators.openai.error_shapes import ApiError
from simulators.openai.http_exchange import HttpExchange

SUFFIXES = ("flac", "m4a", "mp3", "mp4", "mpeg", "mpga", "oga", "ogg", "wav", "webm")
FORMATS = ("json", "text", "verbose_json")
AUDIO_TOKENS_PER_SECOND = 10
BOUNDARY = re.compile(r'boundary="?([^";]+)"?')
NAME = re.compile(r'\bname="([^"]*)"')
FILENAME = re.compile(r'\bfilename="([^"]*)"')


async def create(exchange: HttpExchange) -> None:
    fields, files = _parse(exchange.body, exchange.headers.get("content-type", ""))
    asked = {name: values[-1] for name, values in fields.items()}
    exchange.entry["body"] = asked
    model = exchange.check_model(asked)
    if "file" not in files:
        raise error_shapes.missing("file")
    filename, data = files["file"]
    seconds = await _listen(exchange, filename, data)
    text = exchange.simulation.script.heard(data, seconds)
    delays = exchange.settings.delays
    ready_ms = delays.transcription_ms + delays.transcription_per_second_ms * seconds
    tokens = scripted_words.tokens(text)
    usage = _usage(model, seconds, len(tokens))
    exchange.journal.bill(model, seconds=seconds)
    await exchange.pace.until(ready_ms)
    # whisper-1 ignores `stream`.
    if asked.get("stream") == "true" and model != "whisper-1":
        await exchange.stream()
        # The first delta is due when the transcription is ready, the others follow at the pace of tokens.
        async for token in exchange.paced(tokens, ready_ms):
            await exchange.event({"type": "transcript.text.delta", "delta": token})
        await exchange.event({"type": "transcript.text.done", "text": text, "usage": usage})
        await exchange.end()
        return
    answer_format = asked.get("response_format", "json")
    if answer_format not in FORMATS:
        raise ApiError(400, f"Invalid value: '{answer_format}'.", param="response_format", code="invalid_value")
    exchange.journal.tokens_out += len(tokens)
    if answer_format == "text":
        await exchange.text(f"{text}\n")
    elif answer_format == "json":
        answer: dict[str, object] = {"text": text, "usage": usage}
        if "logprobs" in fields.get("include", []) and "gpt-4o" in model:
            chance = -exchange.settings.unlikelihood
            answer["logprobs"] = [{"token": token, "logprob": chance, "bytes": None} for token in tokens]
        await exchange.json(answer)
    else:
        billed = {"type": "duration", "seconds": seconds}
        await exchange.json(
            {"task": "transcribe", "language": "english", "duration": seconds, "text": text, "usage": billed}
        )


def _parse(body: bytes, content_type: str) -> tuple[dict[str, list[str]], dict[str, tuple[str, bytes]]]:
    """Return the fields of a form, without the brackets of list names, and name and content of its files. Raises ApiError."""
    boundary = BOUNDARY.search(content_type)
    if not content_type.startswith("multipart/form-data") or not boundary:
        raise ApiError(400, "Could not parse multipart form")
    fields: dict[str, list[str]] = {}
    files: dict[str, tuple[str, bytes]] = {}
    for part in (b"\r\n" + body).split(b"\r\n--" + boundary[1].encode())[1:-1]:
        head, _, data = part.partition(b"\r\n\r\n")
        described = head.decode("utf-8", "replace")
        name = NAME.search(described)
        if not name:
            raise ApiError(400, "Could not parse multipart form")
        if filename := FILENAME.search(described):
            files[name[1]] = filename[1], data
        else:
            fields.setdefault(name[1].removesuffix("[]"), []).append(data.decode("utf-8", "replace"))
    return fields, files


async def _listen(exchange: HttpExchange, filename: str, data: bytes) -> float:
    """Return the length of the audio in seconds. Note it in the journal with the file's name and digest. Raises ApiError."""
    digest = hashlib.sha256(data).hexdigest()
    noted: dict[str, object] = {"filename": filename, "bytes": len(data), "sha256": digest}
    exchange.entry["file"] = noted
    if filename.rpartition(".")[2].lower() not in SUFFIXES:
        raise ApiError(400, f"Invalid file format. Supported formats: {list(SUFFIXES)}", param="file")
    try:
        seconds = await asyncio.to_thread(sound.seconds, data)
    except sound.NotAudio as error:
        message = "Audio file might be corrupted or unsupported"
        raise ApiError(400, message, param="file", code="invalid_value") from error
    noted["seconds"] = seconds
    return seconds


def _usage(model: str, seconds: float, written: int) -> dict[str, object]:
    if model == "whisper-1":
        return {"type": "duration", "seconds": seconds}
    heard = round(seconds * AUDIO_TOKENS_PER_SECOND)
    return {
        "type": "tokens",
        "input_tokens": heard,
        "input_token_details": {"audio_tokens": heard, "text_tokens": 0},
        "output_tokens": written,
        "total_tokens": heard + written,
    }
