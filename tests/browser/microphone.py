"""A microphone that speaks when a test says so.

Chromium's own plays its file from the moment that it opens, whether or not the page is listening yet. From this one the page
gets a real MediaStream too. A device that the page asks for by its id is still the browser's own.
"""

import base64

from playwright.sync_api import Page

from audio.encoding import RATE
from tests.talking import silence

# The page takes its sound from the microphone a little later than the microphone has made it.
DELAY_S = 0.3

# `say` plays PCM16 after what is still being said. Its promise is fulfilled when that has been heard.
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
    """Give the page this microphone from its next address on. It is silent until `say`."""
    page.add_init_script(_SCRIPT)


def say(page: Page, *parts: bytes) -> None:
    """Say these one after the other, and wait until the page has heard them."""
    page.evaluate("(pcm) => say(pcm)", _base64(*parts, silence(DELAY_S)))


def begin_to_say(page: Page, *parts: bytes) -> None:
    """Say these one after the other, after what is still being said. Return at once."""
    page.evaluate("(pcm) => void say(pcm)", _base64(*parts))


def _base64(*parts: bytes) -> str:
    return base64.b64encode(b"".join(parts)).decode()
