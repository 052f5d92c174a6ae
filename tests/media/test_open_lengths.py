"""Files written to a pipe state no length and end where their bytes end; a true length is still checked."""

import struct
import wave
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest

from lt_bench.errors import MediaError
from lt_bench.media.audio import read_audio
from lt_bench.media.resampling import Span
from lt_bench.media.video import read_frames

RATE = 16000
VOICE = np.rint(8000 * np.sin(np.arange(20001) / 9)).astype("<i2")


def wav(path: Path, data: int, riff: int, extra: bytes = b"") -> Path:
    """A WAV of ``VOICE`` whose header states these sizes."""
    form = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, RATE, 2 * RATE, 2, 16)
    head = b"RIFF" + struct.pack("<I", riff & 0xFFFFFFFF) + b"WAVE" + extra + form + b"data"
    path.write_bytes(head + struct.pack("<I", data & 0xFFFFFFFF) + VOICE.tobytes())
    return path


@pytest.mark.parametrize("size", [0, 0x7FFFFFFF, 0xFFFFFFFF, 0x7FFFFFFF - 36, 0xFFFFFFFF - 44, 0x7FFFF000])
@pytest.mark.parametrize("extra", [b"", b"JUNK" + struct.pack("<I", 3) + b"abc\0"])
def test_a_streamed_wav_is_read_to_its_end(tmp_path: Path, size: int, extra: bytes) -> None:
    path = wav(tmp_path / "tts.wav", size, size, extra)
    assert np.array_equal(read_audio(path), (VOICE / 32768).astype(np.float32))
    assert len(read_audio(path, span=Span.of_seconds(0.5))) == len(VOICE) - RATE // 2


def test_a_wav_that_is_shorter_than_it_truly_announces_is_cut(tmp_path: Path) -> None:
    path = wav(tmp_path / "cut.wav", 4 * len(VOICE), 4 * len(VOICE) + 36)
    with pytest.raises(MediaError, match=r"cut\.wav: expected a whole file, got a damaged or cut audio packet"):
        read_audio(path)
    with wave.open(str(tmp_path / "whole.wav"), "wb") as stream:
        stream.setparams((1, 2, RATE, 0, "NONE", ""))
        stream.writeframes(VOICE.tobytes())
    whole = tmp_path / "whole.wav"
    whole.write_bytes(whole.read_bytes()[:-1000])
    with pytest.raises(MediaError, match=r"whole\.wav: expected a whole file"):
        read_audio(whole)


def test_rf64_states_its_length_in_another_chunk(tmp_path: Path) -> None:
    sizes = struct.pack("<QQQI", 0, 4 * len(VOICE), 0, 0)
    path = wav(tmp_path / "long.wav", -1, -1, b"ds64" + struct.pack("<I", len(sizes)) + sizes)
    path.write_bytes(b"RF64" + path.read_bytes()[4:])
    with pytest.raises(MediaError, match=r"long\.wav: expected a whole file"):
        read_audio(path)


def test_a_streamed_caf_is_read_to_its_end(tmp_path: Path) -> None:
    form = struct.pack(">d4sIIIII", RATE, b"lpcm", 2, 2, 1, 1, 16)
    head = b"caff\0\1\0\0desc" + struct.pack(">Q", len(form)) + form + b"data" + b"\xff" * 8 + bytes(4)
    (tmp_path / "a.caf").write_bytes(head + VOICE.tobytes())
    assert np.array_equal(read_audio(tmp_path / "a.caf"), (VOICE / 32768).astype(np.float32))


def test_a_streamed_avi_is_read_to_its_end(make_video) -> None:
    times = [Fraction(k, 25) for k in range(30)]
    whole = make_video(times, name="whole.avi", codec="mpeg4", time_base=Fraction(1, 25), options={})
    path = whole.with_name("streamed.avi")
    with path.open("wb") as file:
        pipe = SimpleNamespace(write=file.write)  # it cannot be sought in
        with av.open(str(whole)) as given, av.open(pipe, "w", format="avi") as target:
            stream = target.add_stream_from_template(given.streams.video[0])
            for packet in given.demux():
                if packet.dts is not None:
                    packet.stream = stream
                    target.mux(packet)
    assert np.array_equal(read_frames(path, fps=None), read_frames(whole, fps=None))
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    with pytest.raises(MediaError, match=r"whole\.avi: .*cut"):
        read_frames(whole)
