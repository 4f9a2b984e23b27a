import wave
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from audio import encoding
from audio.encoding import BYTES_PER_SECOND, BadAudio
from audio.tests.sounds import file_of, likeness, tone

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
    assert abs(len(decoded) - len(pcm)) / BYTES_PER_SECOND < 0.12  # AAC and MP3 pad


@pytest.mark.parametrize(("container", "codec", "rate"), FORMATS[:2] + FORMATS[3:5] + FORMATS[6:])
def test_what_is_read_is_what_was_said(container: str, codec: str, rate: int) -> None:
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


def test_a_small_file_that_unpacks_to_hours_is_refused_while_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    data = wav(5 * 3600 * 10, 10)  # five hours at ten samples a second
    unpacked: list[int] = []
    made = encoding._bytes

    def counted(frame: Any) -> bytes:
        unpacked.append(len(made(frame)))
        return made(frame)

    monkeypatch.setattr(encoding, "_bytes", counted)
    with pytest.raises(BadAudio, match="10 minutes"):
        encoding.from_upload(data)
    assert len(data) < 400_000
    assert sum(unpacked) < 2 * encoding.MAX_SECONDS * BYTES_PER_SECOND


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
