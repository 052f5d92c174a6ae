from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest

from lt_bench.errors import MediaError
from lt_bench.media.audio import read_audio, write_wav
from lt_bench.media.image import write_png
from lt_bench.media.video import iter_frames, probe_video, read_frames

TIMES = [Fraction(n, 25) for n in range(60)]


def noise(count: int = 60) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return list(rng.integers(0, 256, (count, 64, 96, 3), dtype=np.uint8))


@pytest.mark.parametrize("read", [probe_video, read_frames, iter_frames, read_audio])
def test_what_is_no_media_file_is_one_line_that_names_it(tmp_path: Path, read) -> None:
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "prose.mp4").write_text("Not a video at all.\n" * 50)
    (tmp_path / "prose.txt").write_text("Not a video at all.\n" * 50)
    (tmp_path / "random.mp4").write_bytes(np.random.default_rng(0).bytes(5000))
    (tmp_path / "folder.mp4").mkdir()
    write_png(tmp_path / "picture.png", np.zeros((32, 32, 3), np.uint8))
    for name, got in {
        "absent.mp4": "nothing at that path",
        "folder.mp4": "a folder",
        "empty.mp4": "0 bytes",
        "prose.mp4": "unreadable",
        "prose.txt": "text",
        "random.mp4": "unreadable",
        "picture.png": "a picture",
    }.items():
        with pytest.raises(MediaError, match=rf"{name}: expected a .*file.* got .*{got}") as error:
            read(tmp_path / name)
        assert "\n" not in str(error.value)


def test_a_sound_file_has_no_video_track(tmp_path: Path) -> None:
    write_wav(tmp_path / "voice.wav", np.zeros(1600, np.float32))
    with pytest.raises(MediaError, match=r"voice\.wav: expected a file with video, got no video track"):
        iter_frames(tmp_path / "voice.wav")


def test_a_cover_picture_is_not_a_video_track(tmp_path: Path) -> None:
    path = tmp_path / "song.mka"
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.height, encoder.width, encoder.pix_fmt, encoder.time_base = 48, 64, "yuvj420p", Fraction(1, 25)
    frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24").reformat(format="yuvj420p")
    frame.pts = 0
    cover = b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])
    with av.open(str(path), "w", format="matroska") as container:
        sound = container.add_stream("pcm_s16le", rate=16000, layout="mono")
        container.add_attachment("cover.jpg", "image/jpeg", cover)
        samples = av.AudioFrame.from_ndarray(np.ones((1, 1600), np.int16), format="s16", layout="mono")
        samples.sample_rate = 16000
        container.mux([*sound.encode(samples), *sound.encode(None)])
    assert len(read_audio(path)) == 1600
    with pytest.raises(MediaError, match="got no video track"):
        probe_video(path)


def test_a_silent_film_has_no_audio_track(make_video) -> None:
    with pytest.raises(MediaError, match=r"made\.mp4: expected a file with audio, got no audio track"):
        read_audio(make_video(TIMES[:5]))


def test_a_video_without_frames(tmp_path: Path) -> None:
    path = tmp_path / "none.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        container.start_encoding()
    for read in (probe_video, read_frames):
        with pytest.raises(MediaError, match=r"none\.mkv: .*0 frames"):
            read(path)


def test_more_than_8192_pixels_a_side(make_video) -> None:
    wide = [np.zeros((16, 8194, 3), np.uint8)]
    path = make_video(TIMES[:1], name="wide.mkv", codec="ffv1", frames=wide)
    with pytest.raises(MediaError, match=r"wide\.mkv: expected sides of 1 to 8192 pixels, got 8194x16; scale it first"):
        iter_frames(path)


@pytest.mark.parametrize("name", ["cut.mp4", "cut.mkv", "cut.avi", "cut.mov"])
@pytest.mark.parametrize("part", [0.4, 0.9])
def test_a_cut_file_is_an_error_never_a_shorter_video(make_video, remux, name: str, part: float) -> None:
    suffix = Path(name).suffix
    whole = make_video(TIMES, name=f"whole{suffix}", frames=noise(), options={"crf": "20"}, time_base=Fraction(1, 25))
    if whole.suffix in (".mp4", ".mov"):  # with the index in front, as files for the web have it
        with (
            av.open(str(whole)) as given,
            av.open(str(whole.with_stem("front")), "w", options={"movflags": "faststart"}) as out,
        ):
            stream = out.add_stream_from_template(given.streams.video[0])
            for packet in given.demux():
                if packet.dts is not None:
                    packet.stream = stream
                    out.mux(packet)
        whole = whole.with_stem("front")
    assert len(read_frames(whole)) == 60
    cut = whole.with_name(name)
    cut.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * part)])
    with pytest.raises(MediaError, match=rf"{name}: .*(cut|damaged|unreadable)"):
        read_frames(cut)


def test_damage_in_the_middle_names_the_frame_reached(make_video) -> None:
    path = make_video(TIMES, frames=noise(), options={"crf": "20", "g": "1", "bf": "0"})
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 20_000] = bytes(20_000)
    path.write_bytes(data)
    with pytest.raises(MediaError, match=r"made\.mp4: damaged.*frame") as error:
        read_frames(path)
    number = int("".join(c for c in str(error.value).split("made.mp4: ")[1] if c.isdigit())[:2])
    assert 10 < number < 50


def test_frames_before_the_damage_are_given_out_first(make_video) -> None:
    path = make_video(TIMES, frames=noise(), options={"crf": "20", "g": "1", "bf": "0"})
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 20_000] = bytes(20_000)
    path.write_bytes(data)
    frames = iter_frames(path)
    assert sum(1 for _ in islice(frames, 10)) == 10
    with pytest.raises(MediaError):
        list(frames)
