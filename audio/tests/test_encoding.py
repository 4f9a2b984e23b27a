import tracemalloc
import wave
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from audio import encoding
from audio.encoding import BYTES_PER_SECOND, BadAudio
from audio.tests.sounds import file_of, likeness, loudness, tone, wav_of

FORMATS = [
    ("wav", "pcm_s16le", 24_000),
    ("wav", "pcm_s16le", 44_100),
    ("mp3", "libmp3lame", 44_100),
    ("webm", "libopus", 48_000),
    ("ogg", "libopus", 48_000),
    ("ipod", "aac", 44_100),
    ("flac", "flac", 24_000),
]


def wav(samples: int, rate: int) -> bytes:
    file = BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(bytes(samples * 2))
    return file.getvalue()


def test_pcm_becomes_opus_in_webm() -> None:
    clip = encoding.from_pcm(tone(1.0))
    assert clip.content_type == "audio/webm"
    assert clip.data.startswith(b"\x1a\x45\xdf\xa3")


def test_only_a_synthetic_voice_is_marked() -> None:
    """ffmpeg reads the tag."""
    marks = []
    for synthetic in (True, False):
        clip = encoding.from_pcm(tone(1.0), synthetic=synthetic)
        with av.open(BytesIO(clip.data)) as file:
            marks.append(file.metadata.get("DIGITAL_SOURCE_TYPE"))
        assert encoding.from_upload(clip.data).data == clip.data
    assert marks == ["http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia", None]


@pytest.mark.parametrize("seconds", [0.01, 0.33, 2.0, 61.7])
def test_an_encoded_sound_lasts_as_long_as_it_did(seconds: float) -> None:
    pcm = tone(seconds)
    decoded = encoding.to_pcm(encoding.from_pcm(pcm).data)
    assert abs(len(decoded) - len(pcm)) / BYTES_PER_SECOND <= 0.02


def test_an_encoded_sound_sounds_as_it_did() -> None:
    pcm = tone(2.0)
    assert likeness(encoding.to_pcm(encoding.from_pcm(pcm).data), pcm) > 0.98


def test_a_minute_of_speech_takes_some_two_tenths_of_a_megabyte() -> None:
    speech = encoding.to_pcm(Path("tests/speech/learner_london.wav").read_bytes())
    clip = encoding.from_pcm(speech)
    assert len(clip.data) / clip.duration * 60 < 250_000


@pytest.mark.parametrize(("container", "codec", "rate"), FORMATS)
def test_common_formats_can_be_read(container: str, codec: str, rate: int) -> None:
    pcm = tone(1.0)
    decoded = encoding.to_pcm(file_of(pcm, container, codec, rate=rate))
    # AAC and MP3 add padding.
    assert abs(len(decoded) - len(pcm)) / BYTES_PER_SECOND < 0.12


@pytest.mark.parametrize(("container", "codec", "rate"), FORMATS[:2] + FORMATS[3:5] + FORMATS[6:])
def test_a_decoded_recording_sounds_like_the_original(container: str, codec: str, rate: int) -> None:
    pcm = tone(1.0)
    assert likeness(encoding.to_pcm(file_of(pcm, container, codec, rate=rate)), pcm) > 0.9


@pytest.mark.parametrize(
    ("container", "codec", "content_type"), [("webm", "libopus", "audio/webm"), ("mp3", "libmp3lame", "audio/mpeg")]
)
def test_webm_and_mp3_are_kept_byte_for_byte(container: str, codec: str, content_type: str) -> None:
    data = file_of(tone(0.5), container, codec, rate=48_000)
    clip = encoding.from_upload(data)
    assert (clip.data, clip.content_type) == (data, content_type)


@pytest.mark.parametrize(("container", "codec"), [("wav", "pcm_s16le"), ("ipod", "aac"), ("ogg", "libopus")])
def test_other_formats_become_opus(container: str, codec: str) -> None:
    clip = encoding.from_upload(file_of(tone(0.5), container, codec, rate=48_000))
    assert clip.content_type == "audio/webm"
    assert clip.data.startswith(b"\x1a\x45\xdf\xa3")


def test_a_title_that_is_not_utf8_does_no_harm() -> None:
    data = file_of(tone(0.5), "wav", "pcm_s16le", title="cafe").replace(b"cafe", b"caf\xe9")
    assert encoding.from_upload(data).duration == pytest.approx(0.5, abs=0.02)


def test_a_recording_that_was_cut_off_is_kept_as_far_as_it_goes() -> None:
    data = file_of(tone(4.0), "webm", "libopus", rate=48_000)
    clip = encoding.from_upload(data[: len(data) // 2])
    assert 0.5 < clip.duration < 3.5


@pytest.mark.parametrize(
    "data",
    [
        b"hello",
        b"\x00" * 10_000,
        b"<html>" * 100,
        b"\x1a\x45\xdf\xa3" + b"\xff" * 500,
        b"RIFF\x00\x00\x00\x00WAVE",
        file_of(tone(1.0), "ipod", "aac", rate=44_100)[:2_000],
    ],
    ids=["text", "zeros", "html", "webm header", "wav header", "m4a cut off"],
)
def test_what_is_not_audio_is_refused(data: bytes) -> None:
    with pytest.raises(BadAudio, match=r"not audio|empty"):
        encoding.from_upload(data)


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(BadAudio, match="empty"):
        encoding.from_upload(b"")


def test_a_file_without_a_sample_is_refused() -> None:
    with pytest.raises(BadAudio, match="empty"):
        encoding.from_upload(wav(0, 24_000))


def test_a_picture_is_refused() -> None:
    import av
    import numpy as np

    file = BytesIO()
    with av.open(file, "w", format="webm") as out:
        stream = out.add_stream("libvpx", rate=5)
        stream.width = stream.height = 32
        frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), "uint8"))
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            out.mux(packet)
    with pytest.raises(BadAudio, match="not audio"):
        encoding.from_upload(file.getvalue())


def test_more_than_25_megabytes_are_refused() -> None:
    with pytest.raises(BadAudio, match="25 MB"):
        encoding.from_upload(bytes(26 * 1024 * 1024))


def test_more_than_ten_minutes_are_refused() -> None:
    with pytest.raises(BadAudio, match="10 minutes"):
        encoding.from_upload(wav(601 * 8_000, 8_000))


def test_a_small_file_that_unpacks_to_hours_is_refused_while_it_is_decoded(decoded: list[int]) -> None:
    # Five hours at ten samples a second.
    data = wav(5 * 3600 * 10, 10)
    with pytest.raises(BadAudio, match="10 minutes"):
        encoding.from_upload(data)
    assert len(data) < 400_000
    assert sum(decoded) < 2 * encoding.MAX_SECONDS * encoding.RATE


@pytest.mark.parametrize(
    "playlist",
    ["ffconcat version 1.0\nfile {name}\n", "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{name}\n#EXT-X-ENDLIST\n"],
)
def test_a_playlist_cannot_read_the_servers_files(
    playlist: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret.wav").write_bytes(wav(24_000, 24_000))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadAudio, match="not audio"):
        encoding.from_upload(playlist.format(name="secret.wav").encode())


VOICE = tone(1.0)
SILENT = bytes(len(VOICE))
NEGATIVE = (-np.frombuffer(VOICE, "<i2")).tobytes()
SOFT_NOISE = np.random.default_rng(0).normal(0, 30, len(VOICE) // 2).astype("<i2").tobytes()


@pytest.mark.parametrize(
    "channels",
    [
        [VOICE, VOICE],
        [VOICE, SILENT],
        [SILENT, VOICE],
        [VOICE, NEGATIVE],
        [NEGATIVE, VOICE],
        [VOICE, SOFT_NOISE],
        [SILENT, SILENT, VOICE, SILENT, SILENT, SILENT],
        [SOFT_NOISE, NEGATIVE, VOICE, SILENT, VOICE, NEGATIVE],
    ],
    ids=["same", "left", "right", "mirrored", "mirrored, left", "noise", "centre of 5.1", "6 mirrored"],
)
def test_a_voice_is_as_loud_whichever_channels_have_it(channels: list[bytes]) -> None:
    decoded = encoding.to_pcm(wav_of(*channels))
    assert abs(likeness(decoded, VOICE)) > 0.98
    assert loudness(decoded) == pytest.approx(loudness(VOICE), rel=0.1)


def test_two_voices_of_different_loudness_on_two_channels_are_both_kept() -> None:
    soft = (np.frombuffer(tone(1.0, 1000.0), "<i2") // 4).astype("<i2").tobytes()
    decoded = encoding.to_pcm(wav_of(VOICE, soft))
    assert likeness(decoded, VOICE) > 0.9
    assert likeness(decoded, soft) > 0.2


def test_channels_without_a_sound_are_silence() -> None:
    assert encoding.to_pcm(wav_of(SILENT, SILENT)) == SILENT


def test_many_channels_are_refused_before_they_fill_the_memory() -> None:
    with pytest.raises(BadAudio, match="too many channels"):
        encoding.to_pcm(wav_of(*[bytes(2 * 5 * 60 * 1000)] * 17, rate=1000))


# Work and memory


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the length of each array that is decoded, in samples."""
    lengths: list[int] = []
    made = encoding._channels

    def counted(frame: Any) -> Any:
        piece = made(frame)
        lengths.append(len(piece))
        return piece

    monkeypatch.setattr(encoding, "_channels", counted)
    return lengths


@pytest.mark.parametrize(
    "data",
    [
        wav_of(VOICE),
        wav_of(VOICE, NEGATIVE),
        wav_of(*[VOICE] * 6),
        file_of(VOICE, "webm", "libopus", rate=48_000),
        file_of(VOICE, "mp3", "libmp3lame", rate=48_000),
    ],
    ids=["mono", "stereo", "5.1", "webm", "mp3"],
)
def test_a_file_is_decoded_once(data: bytes, decoded: list[int]) -> None:
    encoding.from_upload(data)
    once = sum(decoded)
    assert once == pytest.approx(len(VOICE) // 2, rel=0.1)
    encoding.to_pcm(data)
    assert sum(decoded) == 2 * once


@pytest.mark.parametrize(
    ("read", "data", "copies"),
    [
        (encoding.to_pcm, wav_of(tone(60.0)), 1.4),
        (encoding.to_pcm, wav_of(tone(60.0), tone(60.0)), 3.8),
        (encoding.from_upload, wav_of(tone(60.0)), 1.5),
        (encoding.from_upload, file_of(tone(60.0), "mp3", "libmp3lame", rate=48_000), 0.3),
    ],
    ids=["mono", "stereo", "kept as Opus", "kept as it is"],
)
def test_a_sound_is_held_no_more_often_than_needed(read: Callable[[bytes], Any], data: bytes, copies: float) -> None:
    # Import PyAV before measuring.
    read(wav_of(VOICE))
    tracemalloc.start()
    try:
        read(data)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most / (60 * BYTES_PER_SECOND) < copies


def test_a_stereo_file_that_unpacks_to_hours_is_refused_while_it_is_decoded() -> None:
    data = wav_of(bytes(2 * 5 * 3600 * 10), bytes(2 * 5 * 3600 * 10), rate=10)
    with pytest.raises(BadAudio, match="10 minutes"):
        encoding.to_pcm(data)
