import tracemalloc
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from lt_bench.errors import MediaError
from lt_bench.media.resampling import Timed, resample
from lt_bench.media.video import iter_frames, probe_video, read_frames, write_video

GRID = [
    "bbaf2n",
    "brbk7n",
    "id2_vcd_swwp2s",
    "lbax4n",
    "lbbc2a",
    "lrwp9a",
    "lwbsza",
    "pwij3p",
    "sbia1a",
    "sbwe5n",
    "swiz3n",
]


@pytest.mark.parametrize("rate", [Fraction(30), Fraction(60), Fraction(30000, 1001), Fraction(24), Fraction(15)])
@pytest.mark.parametrize("name", ["made.mp4", "made.mkv"])
def test_other_rates_become_exactly_25_fps_by_presentation_time(make_video, number_of, rate, name) -> None:
    count = 120
    path = make_video([i / rate for i in range(count)], name=name, time_base=1 / rate, rate=rate)
    got = [number_of(frame) for frame in iter_frames(path)]
    expected = list(resample([Timed(i, i / rate, 1 / rate) for i in range(count)], Fraction(25)))
    assert len(got) == round(count / rate * 25)
    if name == "made.mp4":
        assert got == expected
    # Matroska rounds times to milliseconds: a near tie may fall to the neighbour.
    assert max(abs(a - b) for a, b in zip(got, expected, strict=True)) <= 1


@pytest.mark.parametrize("name", ["vfr.mp4", "vfr.mkv"])
def test_variable_frame_rate_is_resampled_by_time_not_by_count(make_video, number_of, name) -> None:
    times = [Fraction(n, 100) for n in (0, 4, 8, 9, 10, 11, 40, 42, 80, 84, 88)]
    path = make_video(times, name=name, time_base=Fraction(1, 100), rate=100)
    got = [number_of(frame) for frame in iter_frames(path)]
    shown = {0.00: 0, 0.04: 1, 0.08: 2, 0.12: 5, 0.36: 5, 0.40: 6, 0.44: 7, 0.76: 7, 0.80: 8, 0.84: 9}
    for time, number in shown.items():
        assert got[round(time * 25)] == number, f"at {time} s"
    assert probe_video(path).fps != 25


def test_without_a_rate_stored_frames_come_one_by_one(make_video, number_of) -> None:
    path = make_video([Fraction(n, 100) for n in (0, 4, 9, 40)], time_base=Fraction(1, 100), rate=100)
    assert [number_of(f) for f in iter_frames(path, fps=None)] == [0, 1, 2, 3]


@pytest.mark.parametrize("name", ["late.mp4", "late.mkv", "late.ts"])
def test_time_zero_is_the_first_frame_wherever_the_stream_starts(make_video, number_of, name) -> None:
    path = make_video([Fraction(1, 2) + Fraction(n, 25) for n in range(20)], name=name)
    assert [number_of(f) for f in iter_frames(path)] == list(range(20))


def test_max_frames_stops_early_and_frames_are_independent_arrays(make_video) -> None:
    path = make_video([Fraction(n, 25) for n in range(10)])
    with pytest.raises(MediaError, match="at least one frame, got max_frames 0"):
        read_frames(path, max_frames=0)
    frames = read_frames(path, max_frames=4)
    assert frames.shape == (4, 48, 64, 3)
    assert frames.dtype == np.uint8
    held = list(iter_frames(make_video([Fraction(0), Fraction(1, 5)], name="held.mp4", time_base=Fraction(1, 25))))
    held[0][:] = 77  # the same source frame, shown again, must not change with it
    assert not np.array_equal(held[0], held[1])


@pytest.mark.parametrize(
    ("degrees", "hflip"), [(0, False), (90, False), (180, False), (270, False), (0, True), (90, True)]
)
def test_rotated_and_mirrored_videos_come_out_upright(make_video, remux, degrees, hflip) -> None:
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:24, :32], picture[:24, 32:], picture[24:, :32] = 220, 150, 80
    plain = make_video([Fraction(n, 25) for n in range(3)], frames=[picture] * 3)
    path = remux(plain, "turned.mp4", lambda stream: stream.set_display_rotation(degrees, hflip=hflip))
    # FFmpeg's order: turned counterclockwise, then mirrored.
    expected = np.rot90(picture, degrees // 90)
    expected = expected[:, ::-1] if hflip else expected
    frame = next(iter_frames(path))
    assert frame.shape == expected.shape
    assert np.abs(frame.astype(int) - expected).mean() < 3
    info = probe_video(path)
    assert (info.height, info.width) == expected.shape[:2]
    if not hflip:
        assert info.rotation == degrees


def test_a_rotation_that_is_no_quarter_turn_is_refused(make_video, remux) -> None:
    plain = make_video([Fraction(n, 25) for n in range(3)])
    path = remux(plain, "askew.mp4", lambda stream: stream.set_display_rotation(30))
    with pytest.raises(
        MediaError, match=r"askew\.mp4: frame 0: expected a rotation by quarter turns, got (29|30) degrees; turn it"
    ):
        next(iter_frames(path))


def test_reading_and_writing_hold_a_few_frames_only(tmp_path) -> None:
    path, count = tmp_path / "long.mp4", 200
    frame_bytes = 240 * 320 * 3
    shift = np.arange(240 * 320 * 3, dtype=np.uint32).reshape(240, 320, 3) % 200
    tracemalloc.start()
    write_video(path, ((shift + i % 50).astype(np.uint8) for i in range(count)), preset="ultrafast")
    seen = sum(1 for _ in iter_frames(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert seen == count
    assert peak < 16 * frame_bytes + shift.nbytes


def test_probe_tells_what_the_file_says(make_video, click) -> None:
    path = make_video([Fraction(n, 30) for n in range(60)], time_base=Fraction(1, 30), rate=30, audio=click(1, 2))
    info = probe_video(path)
    assert (info.width, info.height, info.fps, info.frames, info.has_audio) == (64, 48, 30.0, 60, True)
    assert info.codec == "h264"
    assert info.duration == pytest.approx(2.0, abs=0.05)


@pytest.mark.parametrize("name", GRID)
def test_grid_clips_give_75_frames(mirror: Path, name: str) -> None:
    path = mirror / "grid-sample" / f"{name}.mpg"
    info = probe_video(path)
    assert (info.width, info.height, info.fps, info.has_audio) == (360, 288, 25.0, True)
    assert sum(1 for _ in iter_frames(path)) == 75


def test_a_dropped_frame_in_avi_is_filled_so_that_time_runs_on(mirror: Path) -> None:
    path = mirror / "syncnet_example_video.avi"
    stored = [frame[::8, ::8].copy() for frame in iter_frames(path, fps=None)]
    resampled = [frame[::8, ::8].copy() for frame in iter_frames(path)]
    assert (len(stored), len(resampled)) == (132, 133)
    assert np.array_equal(resampled[1], resampled[0])
    assert np.array_equal(resampled[2], stored[1])
    assert np.array_equal(resampled[-1], stored[-1])


def test_frames_agree_with_opencv(mirror: Path) -> None:
    import cv2

    path = mirror / "grid-sample" / "bbaf2n.mpg"
    capture = cv2.VideoCapture(str(path))
    ours = read_frames(path)
    for index in range(75):
        found, frame = capture.read()
        assert found
        difference = np.abs(frame[..., ::-1].astype(int) - ours[index])
        assert difference.mean() < 1.5, f"frame {index}"
    capture.release()


def test_nothing_is_printed_by_the_libraries(mirror: Path, tmp_path: Path, capfd) -> None:
    cut = tmp_path / "cut.avi"
    cut.write_bytes((mirror / "syncnet_example_video.avi").read_bytes()[:400_000])
    with pytest.raises(MediaError):
        read_frames(cut)
    assert capfd.readouterr() == ("", "")


def test_a_generator_left_early_closes_the_file(make_video) -> None:
    path = make_video([Fraction(n, 25) for n in range(10)])
    frames = iter_frames(path)
    next(frames)
    frames.close()
    iter_frames(path)  # never started: nothing may leak or warn either


def write_varying_sizes(path: Path) -> None:
    """Motion JPEG frames of two sizes in one track."""
    packets = []
    for size in ((48, 64), (64, 96)):
        encoder = av.CodecContext.create("mjpeg", "w")
        encoder.height, encoder.width, encoder.pix_fmt, encoder.time_base = *size, "yuvj420p", Fraction(1, 25)
        frame = av.VideoFrame.from_ndarray(np.full((*size, 3), 90, np.uint8), format="rgb24").reformat(
            format="yuvj420p"
        )
        frame.pts = 0
        packets += [bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)]]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuvj420p"
        for index, data in enumerate(packets):
            packet = av.Packet(data)
            packet.stream, packet.time_base, packet.pts, packet.dts = stream, Fraction(1, 25), index, index
            packet.is_keyframe = True
            container.mux(packet)


def test_a_size_that_changes_on_the_way_is_refused(tmp_path: Path) -> None:
    write_varying_sizes(tmp_path / "sizes.mkv")
    with pytest.raises(
        MediaError, match=r"sizes\.mkv: expected frames of one size, got \(48, 64, 3\).*frame 1; encode it again"
    ):
        read_frames(tmp_path / "sizes.mkv")


def test_times_that_go_back_are_refused(mirror: Path, tmp_path: Path) -> None:
    data = (mirror / "grid-sample" / "bbaf2n.mpg").read_bytes()
    joined = tmp_path / "joined.mpg"
    joined.write_bytes(data + data)
    with pytest.raises(
        MediaError, match=r"joined\.mpg: expected timestamps that go forward, got .* from 2\.960 s to 0\.000 s"
    ):
        read_frames(joined)


def test_a_gap_of_minutes_is_refused_rather_than_filled(make_video) -> None:
    path = make_video([Fraction(0), Fraction(1, 25), Fraction(300)], time_base=Fraction(1, 100), rate=100)
    with pytest.raises(MediaError, match="by at most 60 s"):
        read_frames(path)


@pytest.mark.parametrize("fps", [0, -25, float("nan"), 5000])
def test_a_rate_out_of_range_is_refused(make_video: Callable[..., Path], fps: float) -> None:
    with pytest.raises(MediaError, match="expected a frame rate"):
        iter_frames(make_video([Fraction(0), Fraction(1, 25)]), fps=fps)


def test_a_fragmented_file_is_read_whole_and_its_header_not_believed(make_video, number_of, tmp_path: Path) -> None:
    whole = make_video([Fraction(n, 25) for n in range(60)], options={"qp": "0", "g": "10"})
    path = tmp_path / "fragments.mp4"
    with (
        av.open(str(whole)) as given,
        av.open(str(path), "w", options={"movflags": "frag_keyframe+default_base_moof"}) as container,
    ):
        stream = container.add_stream_from_template(given.streams.video[0])
        for packet in given.demux():
            if packet.dts is not None:
                packet.stream = stream
                container.mux(packet)
    assert [number_of(frame) for frame in iter_frames(path)] == list(range(60))
    assert probe_video(path).frames in (None, 60)


def test_b_frames_in_avi_come_in_order_from_time_zero(make_video, number_of) -> None:
    times = [Fraction(n, 25) for n in range(60)]
    options = {"qp": "0", "bf": "3", "b-pyramid": "normal"}
    path = make_video(times, name="b.avi", time_base=Fraction(1, 25), options=options)
    assert [number_of(frame) for frame in iter_frames(path)] == list(range(60))
