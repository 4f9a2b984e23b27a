"""Measure a learner's wait with the embedded engine, and the server's memory.

    python bench/talk.py [--quick]

The wait runs from the end of the learner's audio, streamed at speaking speed, to the first audible sample of the
answer. Hold-to-talk counts from the last sample sent, hands-free from the end of the pause that ends the turn.
A sample is audible above -40 dB of full scale, so silence before the voice counts as waiting.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from audio.encoding import BYTES_PER_SECOND
from engines.vad import ENDPOINTING_DELAY_MS
from tests.servers import AgentServer
from tests.talking import Talker, bytes_before_voice, new_learner, silence, spoken, talking

CLIPS = ("learner_london", "learner_family", "learner_canada", "learner_station", "learner_park", "librivox_0930")
LEVEL = "B1"
# A talk ends after so many turns. Then the next one begins.
TURNS_A_TALK = 6
HESITATION_S = 0.8


def percentile(values: list[float], share: float) -> float:
    return float(np.percentile(values, share * 100))


async def wait_for_voice(talker: Talker, before: int, ended: float) -> dict[str, float]:
    first, _ = await talker.wait_for("response.output_audio.delta", after=before)
    await talker.wait_for("response.done", after=before)
    await talker.wait_for("talk.saved", after=before, count=2)
    timing = talker.events("talk.timing", after=before)[0]
    waited = first - ended + bytes_before_voice(talker.voice(after=before)) / BYTES_PER_SECOND
    steps = {name: timing[f"{name}_ms"] / 1000 for name in ("transcribe", "think", "speak")}
    return {"waited": waited, **steps}


async def hold_to_talk(url: str, name: str, clips: list[str]) -> list[dict[str, float]]:
    cookie, turns = new_learner(url), []
    for number in range(0, len(clips), TURNS_A_TALK):
        async with talking(url, f"{name}-{number}", cookie) as talker:
            await talker.set_up(level=LEVEL)
            for clip in clips[number : number + TURNS_A_TALK]:
                before = len(talker.heard)
                await talker.say(spoken(clip))
                ended = time.perf_counter()
                await talker.commit()
                turns.append(await wait_for_voice(talker, before, ended))
    return turns


async def hands_free(url: str, clips: list[str], *, hesitating: bool) -> tuple[list[dict[str, float]], int]:
    """Return the turns, and how often an answer came twice or before the learner had finished speaking."""
    cookie, turns, wrong = new_learner(url), [], 0
    for number in range(0, len(clips), TURNS_A_TALK):
        async with talking(url, f"free-{hesitating}-{number}", cookie) as talker:
            await talker.set_up(level=LEVEL, hands_free=True)
            for clip in clips[number : number + TURNS_A_TALK]:
                before = len(talker.heard)
                pcm = spoken(clip)
                # Begin the sentence, pause to think, and then say it all.
                if hesitating:
                    await talker.say(pcm[: len(pcm) // 4 * 2] + silence(HESITATION_S))
                    wrong += len(talker.events("response.created", after=before))
                began = time.perf_counter()
                await talker.say(pcm + silence(ENDPOINTING_DELAY_MS[LEVEL] / 1000 + 0.4))
                stopped = talker.events("input_audio_buffer.speech_stopped", after=before)
                wrong += len(talker.events("response.created", after=before)) != 1 or len(stopped) != 1
                ended = began + len(pcm) / BYTES_PER_SECOND - trailing_silence(pcm) + ENDPOINTING_DELAY_MS[LEVEL] / 1000
                turns.append(await wait_for_voice(talker, before, ended))
    return turns, wrong


def trailing_silence(pcm: bytes) -> float:
    backwards = np.frombuffer(pcm, "<i2")[::-1].tobytes()
    return bytes_before_voice(backwards) / BYTES_PER_SECOND


def row(name: str, turns: list[dict[str, float]]) -> dict[str, float]:
    waited = [turn["waited"] for turn in turns]
    steps = [statistics.median(turn[step] for turn in turns) for step in ("transcribe", "think", "speak")]
    p50, p95 = percentile(waited, 0.5), percentile(waited, 0.95)
    cells = "  ".join(f"{value * 1000:10.0f}" for value in (p50, p95, *steps))
    print(f"{name:<34}{len(turns):>6}  {cells}")
    return {"p50_ms": round(p50 * 1000), "p95_ms": round(p95 * 1000)}


def memory_mb(server: AgentServer) -> int:
    return round(psutil.Process(server.pid).memory_info().rss / 1024 / 1024)


async def measure(server: AgentServer, count: int) -> dict[str, object]:
    idle_mb = memory_mb(server)
    clips = list(islice(cycle(CLIPS), count))
    # The engine warms up while a learner hears the opening.
    await hold_to_talk(server.url, "warm", clips[:1])
    columns = "  ".join(f"{name:>10}" for name in ("p50", "p95", "transcribe", "think", "speak"))
    print(f"{'milliseconds':<34}{'turns':>6}  {columns}")
    results: dict[str, object] = {}
    one = row("hold-to-talk", await hold_to_talk(server.url, "one", clips))
    both = await asyncio.gather(*(hold_to_talk(server.url, name, clips) for name in ("left", "right")))
    two = row("hold-to-talk, two talks at once", both[0] + both[1])
    free, wrong = await hands_free(server.url, clips, hesitating=False)
    results |= {"hold": one, "two": two, "hands_free": row("hands-free, after the pause", free)}
    free, wrong_hesitating = await hands_free(server.url, clips[: max(3, count // 2)], hesitating=True)
    results["hesitating"] = row("hands-free, hesitating learner", free)
    results["two_ratio"] = round(two["p50_ms"] / one["p50_ms"], 2)
    results["answered_twice_or_early"] = wrong + wrong_hesitating
    results |= {"memory_idle_mb": idle_mb, "memory_talking_mb": memory_mb(server)}
    return results


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="end within a minute")
    count = 2 if options.parse_args().quick else 24
    with tempfile.TemporaryDirectory() as folder:
        server = AgentServer(Path(folder))
        server.set_up()
        server.start()
        try:
            results = asyncio.run(measure(server, count))
        finally:
            server.stop()
    print(
        f"server: {results['memory_idle_mb']} MB before the first talk, {results['memory_talking_mb']} MB after the last"
    )
    print(json.dumps(results))


if __name__ == "__main__":
    main()
