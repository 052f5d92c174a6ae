import platform
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from lt_bench.errors import LtBenchError, MediaError
from lt_bench.media import video_writer
from lt_bench.media.audio import read_audio
from lt_bench.media.video import iter_frames, probe_video, read_frames, write_video
from lt_bench.media.video_writer import x264_options

RATE = 16000
BLACK = np.zeros((32, 32, 3), np.uint8)


def test_smooth_content_comes_back_above_40_db(tmp_path: Path, smooth_video) -> None:
    write_video(tmp_path / "a.mp4", smooth_video)
    error = np.mean((read_frames(tmp_path / "a.mp4").astype(float) - smooth_video) ** 2)
    assert 10 * np.log10(255**2 / error) > 40


def test_flash_and_click_meet_after_a_round_trip(tmp_path: Path, click) -> None:
    frames = np.full((50, 64, 64, 3), 20, np.uint8)
    frames[30] = 255
    write_video(tmp_path / "a.mp4", frames, audio=click(1.2, 2))
    flash = int(np.argmax([frame.mean() for frame in iter_frames(tmp_path / "a.mp4")])) / 25
    sound = int(np.argmax(np.abs(read_audio(tmp_path / "a.mp4")))) / RATE
    assert flash == 1.2
    assert abs(sound - flash) < 0.001


@pytest.mark.parametrize("sample_rate", [16000, 22050, 48000])
@pytest.mark.parametrize("seconds", [0.3, 1.0, 2.5])
def test_sound_is_cut_or_padded_to_the_video(tmp_path: Path, click, seconds: float, sample_rate: int) -> None:
    audio = click(0.2, seconds, sample_rate)
    write_video(tmp_path / "a.mp4", [BLACK] * 25, audio=audio, sample_rate=sample_rate)
    got = read_audio(tmp_path / "a.mp4", sample_rate)
    assert len(got) == sample_rate
    assert int(np.argmax(np.abs(got))) / sample_rate == pytest.approx(0.2, abs=0.001)


def test_speech_survives_aac(tmp_path: Path, mirror: Path) -> None:
    speech = read_audio(mirror / "grid-sample" / "bbaf2n.mpg")
    write_video(tmp_path / "a.mp4", [BLACK] * 75, audio=speech)
    got = read_audio(tmp_path / "a.mp4")[: len(speech)]
    assert np.corrcoef(got, speech)[0, 1] > 0.99


@pytest.mark.parametrize("fps", [25.0, 29.97, 30.0, 12.5])
def test_other_rates_are_written_as_asked(tmp_path: Path, fps: float) -> None:
    write_video(tmp_path / "a.mp4", [BLACK] * 10, fps=fps)
    assert probe_video(tmp_path / "a.mp4").fps == pytest.approx(fps, rel=1e-5)
    assert len(read_frames(tmp_path / "a.mp4", fps=None)) == 10


WRITE = """
import sys, numpy as np
from lt_bench.media.video import write_video
rng = np.random.default_rng(1)
frames = rng.integers(0, 256, (20, 64, 48, 3), dtype=np.uint8)
write_video(sys.argv[1], frames, audio=rng.uniform(-0.5, 0.5, 20000).astype(np.float32))
"""


def test_the_same_input_gives_the_same_bytes_in_any_process(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    frames = rng.integers(0, 256, (20, 64, 48, 3), dtype=np.uint8)
    audio = rng.uniform(-0.5, 0.5, 20000).astype(np.float32)
    write_video(tmp_path / "array.mp4", frames, audio=audio)
    write_video(tmp_path / "stream.mp4", iter(frames), audio=audio)
    subprocess.run([sys.executable, "-c", WRITE, str(tmp_path / "other.mp4")], check=True)
    first, second, third = ((tmp_path / name).read_bytes() for name in ("array.mp4", "stream.mp4", "other.mp4"))
    assert first == second == third


@pytest.mark.parametrize(
    ("flags", "options"),
    [("fma avx2 avx512f avx512bw", {"x264-params": "asm=avx2"}), ("fma avx2", {}), ("asimd", {})],
)
def test_x264_is_kept_from_avx512_where_there_is_any(tmp_path: Path, flags: str, options: dict[str, str]) -> None:
    (tmp_path / "cpuinfo").write_text(f"flags : fpu {flags}\n")
    assert x264_options(tmp_path / "cpuinfo") == options
    assert x264_options(tmp_path / "none") == {}


@pytest.mark.skipif(platform.machine() != "x86_64", reason="instruction sets of x86")
@pytest.mark.parametrize("side", [32, 64, 96])
def test_bytes_are_the_same_on_processors_of_any_age(
    tmp_path: Path, side: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(1)
    ground = rng.integers(0, 256, (side // 8, side // 8, 3)).repeat(8, 0).repeat(8, 1)
    moved = [np.roll(ground, step, axis=1) + rng.normal(0, 16, ground.shape) for step in range(12)]
    frames = np.clip(moved, 0, 255).astype(np.uint8)
    write_video(tmp_path / "here.mp4", frames)
    monkeypatch.setattr(video_writer, "x264_options", lambda: {"x264-params": "asm=ssse3"})
    write_video(tmp_path / "old.mp4", frames)
    assert (tmp_path / "here.mp4").read_bytes() == (tmp_path / "old.mp4").read_bytes()


def test_the_index_is_in_front_and_the_tracks_are_interleaved(tmp_path: Path, click) -> None:
    path = tmp_path / "a.mp4"
    write_video(path, [BLACK] * 100, audio=click(1, 4))
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    with av.open(str(path)) as container:
        order = [packet.stream.type for packet in container.demux() if packet.size]
    assert order.index("audio") < 60
    assert order.index("video") < 60


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ([], "expected at least one frame to write, got 0 frames"),
        (np.zeros((0, 32, 32, 3), np.uint8), "got 0 frames"),
        ([np.zeros((32, 33, 3), np.uint8)], "frame 0: expected an even width and height, got 33x32"),
        ([np.zeros((32, 32), np.uint8)], r"frame 0: expected shape \(height, width, 3\), got \(32, 32\)"),
        ([np.zeros((32, 32, 4), np.uint8)], r"frame 0: expected shape"),
        ([np.zeros((32, 32, 3), np.float32)], "frame 0: expected a uint8 array, got float32"),
        (
            [BLACK, np.zeros((32, 34, 3), np.uint8)],
            r"frame 1: expected the first frame's shape \(32, 32, 3\), got \(32, 34, 3\)",
        ),
        ([np.zeros((2, 8194, 3), np.uint8)], "frame 0: expected sides of 1 to 8192 pixels, got 8194x2"),
        (["no"], "frame 0: expected a uint8 array, got str"),
    ],
)
def test_what_cannot_be_written_leaves_nothing(tmp_path: Path, frames, message: str) -> None:
    with pytest.raises(MediaError, match=rf"a\.mp4: {message}|a\.mp4: .*{message}"):
        write_video(tmp_path / "a.mp4", frames)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sample_rate": 12345, "audio": np.zeros(100, np.float32)}, "expected a sample rate of .* got 12345"),
        ({"audio": np.zeros(0, np.float32)}, "expected audio samples, got none"),
        ({"fps": 0}, "expected a frame rate"),
        ({"preset": "nonesuch"}, "could not be written"),
    ],
)
def test_wrong_settings_leave_nothing(tmp_path: Path, options: dict, message: str) -> None:
    with pytest.raises(MediaError, match=message):
        write_video(tmp_path / "a.mp4", [BLACK] * 3, **options)
    assert not list(tmp_path.iterdir())


def test_a_failure_while_frames_are_made_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"old")

    def failing():
        yield BLACK
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        write_video(path, failing())
    assert path.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(LtBenchError, match="expected a writable folder"):
        write_video(tmp_path / "file" / "a.mp4", [BLACK])


def test_one_frame_is_a_video(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", [BLACK], audio=np.zeros(16000, np.float32))
    assert read_frames(tmp_path / "a.mp4").shape == (1, 32, 32, 3)
    assert len(read_audio(tmp_path / "a.mp4")) == 640
