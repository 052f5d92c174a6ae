import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lt_bench.errors import MediaError
from lt_bench.media.audio import read_audio, resample_waveform, write_wav
from lt_bench.media.video import iter_frames, write_video

RATE = 16000


def tone(frequency: float, seconds: float, rate: int) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def write_sound(path: Path, codec: str, fmt: str, layout: str, samples: np.ndarray, rate: int) -> Path:
    """Any channels in any codec; samples are (channels, length) in the codec's own type."""
    interleaved = samples if fmt.endswith("p") else samples.T.reshape(1, -1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(interleaved), format=fmt, layout=layout)
        frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), 0
        container.mux([*stream.encode(frame), *stream.encode(None)])
    return path


def click_time(audio: np.ndarray, rate: int = RATE) -> float:
    return int(np.argmax(np.abs(audio))) / rate


@settings(deadline=None, max_examples=50)
@given(values=st.lists(st.integers(-32768, 32767), min_size=1, max_size=300))
def test_sixteen_bit_samples_survive_a_wav_file_exactly(tmp_path_factory, values) -> None:
    path = tmp_path_factory.getbasetemp() / "exact.wav"
    audio = np.array(values, np.float32) / 32768
    write_wav(path, audio)
    assert np.array_equal(read_audio(path), audio)


def test_wav_is_16_bit_mono_by_the_standard_library(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", np.array([0.0, 0.5, -1.0, 1.0], np.float32), 22050)
    with wave.open(str(tmp_path / "a.wav")) as stream:
        assert (stream.getnchannels(), stream.getsampwidth(), stream.getframerate()) == (1, 2, 22050)
        assert np.frombuffer(stream.readframes(9), "<i2").tolist() == [0, 16384, -32768, 32767]


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000, 96000])
def test_resampling_keeps_a_tone_its_length_and_its_place(tmp_path: Path, rate: int) -> None:
    write_wav(tmp_path / "tone.wav", tone(440, 1, rate), rate)
    got, ideal = read_audio(tmp_path / "tone.wav"), tone(440, 1, RATE)
    assert len(got) == RATE
    error = (got - ideal)[500:-500]
    assert 10 * np.log10(np.mean(ideal**2) / np.mean(error**2)) > 60


def test_resampling_does_not_alias() -> None:
    folded = resample_waveform(tone(11000, 1, 44100), 44100, RATE)
    assert np.sqrt(np.mean(folded[500:-500] ** 2)) < 10 ** (-60 / 20)


def test_resampling_agrees_with_scipy() -> None:
    from scipy.signal import resample_poly

    noise = np.random.default_rng(0).standard_normal(48000)
    noise = np.convolve(noise, np.hanning(31) / 50, mode="same").astype(np.float32)
    ours, theirs = resample_waveform(noise, 48000, RATE), resample_poly(noise, 1, 3)
    assert np.abs(ours - theirs)[200:-200].max() < 0.01 * np.abs(theirs).max()


@settings(deadline=None, max_examples=30)
@given(length=st.integers(1, 5000), rate=st.sampled_from([8000, 11025, 44100, 48000]))
def test_resampled_length_is_the_rounded_ratio(length: int, rate: int) -> None:
    assert len(resample_waveform(np.zeros(length, np.float32), rate, RATE)) == max(1, round(length * RATE / rate))


@pytest.mark.parametrize(
    ("codec", "fmt", "name"), [("pcm_s16le", "s16", "a.wav"), ("flac", "s16", "a.flac"), ("aac", "fltp", "a.m4a")]
)
def test_two_equal_channels_mix_to_the_same_level(tmp_path: Path, codec: str, fmt: str, name: str) -> None:
    mono = tone(440, 1, RATE)
    both = np.stack([mono, mono])
    both = both if fmt == "fltp" else np.rint(both * 32767).astype(np.int16)
    got = read_audio(write_sound(tmp_path / name, codec, fmt, "stereo", both, RATE))
    assert len(got) == RATE
    assert np.abs(got - mono)[500:-500].max() < (0.03 if codec == "aac" else 1e-3)


def test_full_scale_in_six_channels_stays_in_range_and_speech_in_the_centre_is_kept(tmp_path: Path) -> None:
    loud = np.full((6, 3200), 32767, np.int16)
    assert read_audio(write_sound(tmp_path / "loud.wav", "pcm_s16le", "s16", "5.1", loud, RATE)).max() == pytest.approx(
        1, abs=1e-3
    )
    centre = np.zeros((6, 3200), np.int16)
    centre[2] = 20000
    assert read_audio(write_sound(tmp_path / "centre.wav", "pcm_s16le", "s16", "5.1", centre, RATE)).mean() > 0.1


@pytest.mark.parametrize("layout", ["stereo", "5.1"])
@pytest.mark.parametrize("level", [1.0, 0.7])
def test_channels_of_opposite_sign_do_not_cancel(tmp_path: Path, layout: str, level: float) -> None:
    mono = np.rint(tone(440, 0.5, RATE) * 32767).astype(np.int16)
    channels = np.zeros((2 if layout == "stereo" else 6, len(mono)), np.int16)
    channels[0], channels[1] = mono, np.rint(-level * mono.astype(float))
    got = read_audio(write_sound(tmp_path / "a.wav", "pcm_s16le", "s16", layout, channels, RATE))
    assert np.abs(got - mono / 32768).max() < 1e-4


def test_a_channel_that_is_out_of_phase_for_a_moment_only_changes_nothing(tmp_path: Path) -> None:
    mono = np.rint(tone(440, 2, RATE) * 32767).astype(np.int16)
    other = mono.copy()
    other[:1000] *= -1
    got = read_audio(write_sound(tmp_path / "a.wav", "pcm_s16le", "s16", "stereo", np.stack([mono, other]), RATE))
    assert np.abs(got[:1000]).max() < 1e-3
    assert np.abs(got[1000:] - mono[1000:] / 32768).max() < 1e-3


def test_unrelated_voices_left_and_right_are_both_heard(tmp_path: Path) -> None:
    left, right = (np.rint(tone(f, 1, RATE) * 32767).astype(np.int16) for f in (440, 1000))
    got = read_audio(write_sound(tmp_path / "a.wav", "pcm_s16le", "s16", "stereo", np.stack([left, right]), RATE))
    assert np.abs(got - (left + right.astype(float)) / 65536).max() < 1e-3


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_refused(tmp_path: Path, value: float) -> None:
    samples = np.zeros((1, 1600), np.float32)
    samples[0, 700] = value
    path = write_sound(tmp_path / "bad.wav", "pcm_f32le", "flt", "mono", samples, RATE)
    with pytest.raises(MediaError, match=r"bad\.wav: expected finite audio samples, got -?(nan|inf) at sample 700"):
        read_audio(path)
    for write in (
        lambda: write_wav(tmp_path / "o.wav", samples[0]),
        lambda: write_video(tmp_path / "o.mp4", np.zeros((2, 32, 32, 3), np.uint8), audio=samples[0]),
    ):
        with pytest.raises(MediaError, match="expected finite audio samples"):
            write()
    assert [p.name for p in tmp_path.iterdir()] == ["bad.wav"]


def test_samples_far_beyond_full_scale_are_refused_not_clipped(tmp_path: Path) -> None:
    samples = np.full((1, 1600), 20000, np.float32)
    path = write_sound(tmp_path / "wrong.wav", "pcm_f32le", "flt", "mono", samples, RATE)
    with pytest.raises(MediaError, match=r"wrong\.wav: expected audio in \[-1, 1\], got a peak of 20000"):
        read_audio(path)


def test_empty_sound_is_refused(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "none.wav"), "wb") as stream:
        stream.setparams((1, 2, RATE, 0, "NONE", ""))
    with pytest.raises(MediaError, match=r"none\.wav: "):
        read_audio(tmp_path / "none.wav")


@pytest.mark.parametrize(
    ("audio", "message"),
    [
        (np.zeros(0, np.float32), "expected audio samples, got none"),
        (np.zeros((2, 100), np.float32), r"expected mono audio of shape \(samples,\), got shape \(2, 100\)"),
        (np.zeros(100, np.int16), "expected float audio in \\[-1, 1\\], got int16"),
        ([0.0, 1.0], "expected float audio .* got list"),
        (np.full(100, 1.5, np.float32), "got a peak of 1.5"),
    ],
)
def test_what_cannot_be_written_as_wav(tmp_path: Path, audio, message: str) -> None:
    with pytest.raises(MediaError, match=message):
        write_wav(tmp_path / "a.wav", audio)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("rate", [0, -1, 10_000_000])
def test_a_sample_rate_out_of_range_is_refused(tmp_path: Path, rate: int) -> None:
    write_wav(tmp_path / "a.wav", np.zeros(100, np.float32))
    with pytest.raises(MediaError, match="expected a sample rate"):
        read_audio(tmp_path / "a.wav", rate)
    with pytest.raises(MediaError, match="expected a sample rate"):
        write_wav(tmp_path / "b.wav", np.zeros(100, np.float32), rate)


@pytest.mark.parametrize("name", ["clap.mp4", "clap.mkv", "clap.mov"])
@pytest.mark.parametrize(("video_start", "audio_start"), [(0, 0), (0.2, 0), (0, 0.24), (0.52, 0.12), (0.12, 0.52)])
def test_sound_is_aligned_to_the_first_frame_whichever_starts_first(
    make_video, click, name, video_start, audio_start
) -> None:
    """A flash and a click at 1.2 s on the file's clock, its tracks starting at different times."""
    times = [Fraction(video_start).limit_denominator(100) + Fraction(n, 25) for n in range(60)]
    flash = [np.full((48, 64, 3), 255 if abs(float(t) - 1.2) < 0.02 else 20, np.uint8) for t in times]
    path = make_video(
        times,
        name=name,
        frames=flash,
        audio=click(1.2 - audio_start, 2),
        audio_start=audio_start,
        time_base=Fraction(1, 1000),
    )
    seen = int(np.argmax([frame.mean() for frame in iter_frames(path)])) / 25
    assert seen == pytest.approx(1.2 - video_start, abs=0.021)
    assert click_time(read_audio(path)) == pytest.approx(1.2 - video_start, abs=0.01)


def test_sound_before_the_first_frame_only_is_an_error(make_video, click) -> None:
    path = make_video([3 + Fraction(n, 25) for n in range(5)], name="late.mkv", audio=click(0.5, 1))
    with pytest.raises(MediaError, match="ends before the first frame"):
        read_audio(path)


def test_a_hole_in_the_track_is_silence_and_later_sound_stays_at_its_time(tmp_path: Path, click) -> None:
    path = tmp_path / "hole.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=RATE, layout="mono")
        for start in (0, 2):
            samples = np.rint(click(0.5, 1) * (start + 1) / 3 * 32767).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
            frame.sample_rate, frame.time_base, frame.pts = RATE, Fraction(1, RATE), start * RATE
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    got = read_audio(path)
    assert len(got) == pytest.approx(3 * RATE, abs=20)
    assert click_time(got) == pytest.approx(2.5, abs=0.002)
    assert not got[RATE + 50 : 2 * RATE - 50].any()


def test_grid_sound_has_its_own_length_at_16_khz(mirror: Path) -> None:
    audio = read_audio(mirror / "grid-sample" / "bbaf2n.mpg")
    assert audio.dtype == np.float32
    assert len(audio) == round(131328 * 16000 / 44100)
    assert 0.05 < np.abs(audio).max() <= 1


def test_a_wav_file_is_read_as_the_standard_library_reads_it(mirror: Path) -> None:
    path = mirror / "syncnet_example_speech.wav"
    with wave.open(str(path)) as stream:
        expected = np.frombuffer(stream.readframes(stream.getnframes()), "<i2") / 32768
    assert np.array_equal(read_audio(path), expected.astype(np.float32))
