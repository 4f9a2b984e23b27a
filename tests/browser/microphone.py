"""Simulate a microphone that speaks when a test says so.

Chromium's simulated microphone plays its file from the moment that it opens, whether or not the page is listening yet. The page
gets a real MediaStream from this one, too. If the page requests a device by its id, it gets the browser's own.
"""

import base64

from playwright.sync_api import Page

from audio.encoding import RATE
from tests.talking import silence

# The page receives sound a little later than the microphone has made it.
DELAY_S = 0.3

# `say` queues PCM16. Its promise is fulfilled when the page has received all of it.
_SCRIPT = f"""(() => {{
  const open = navigator.mediaDevices?.getUserMedia.bind(navigator.mediaDevices);
  if (!open) return;
  const {{ AudioContext }} = window;
  let context, voice, quietFrom = 0;
  const turnOn = () => {{
    if (voice) return;
    context = new AudioContext({{ sampleRate: {RATE} }});
    voice = new GainNode(context);
    // Without a source no frames would flow.
    const nothing = new ConstantSourceNode(context, {{ offset: 0 }});
    nothing.connect(voice);
    nothing.start();
  }};
  navigator.mediaDevices.getUserMedia = async (wanted) => {{
    if (wanted.audio.deviceId) return open(wanted);
    turnOn();
    const line = new MediaStreamAudioDestinationNode(context, {{ channelCount: 1 }});
    voice.connect(line);
    return line.stream;
  }};
  window.say = (base64) => new Promise((resolve) => {{
    turnOn();
    const samples = new Int16Array(Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)).buffer);
    const buffer = new AudioBuffer({{ length: samples.length, sampleRate: {RATE} }});
    buffer.copyToChannel(Float32Array.from(samples, (sample) => sample / 32768), 0);
    const source = new AudioBufferSourceNode(context, {{ buffer }});
    source.connect(voice);
    source.onended = resolve;
    quietFrom = Math.max(quietFrom, context.currentTime);
    source.start(quietFrom);
    quietFrom += buffer.duration;
  }});
}})()"""


def add_microphone(page: Page) -> None:
    """Give the page this microphone from its next navigation on. It is silent until `say`."""
    page.add_init_script(_SCRIPT)


def say(page: Page, *parts: bytes) -> None:
    """Play these parts one after the other, and wait until the page has heard them."""
    page.evaluate("(pcm) => say(pcm)", _base64(*parts, silence(DELAY_S)))


def begin_to_say(page: Page, *parts: bytes) -> None:
    """Queue these parts after those that are still being played. Return at once."""
    page.evaluate("(pcm) => void say(pcm)", _base64(*parts))


def _base64(*parts: bytes) -> str:
    return base64.b64encode(b"".join(parts)).decode()
