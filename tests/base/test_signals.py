from __future__ import annotations

import random
import signal
import threading
import time

import av
import numpy as np
import pytest
from av.audio.resampler import AudioResampler

from lt_bench.signal_exceptions import signals_raise


class Told(BaseException):
    pass


def tell_after(seconds: float) -> None:
    main = threading.main_thread().ident
    assert main is not None
    threading.Timer(seconds, signal.pthread_kill, (main, signal.SIGUSR1)).start()


def test_a_signal_within_pyavs_own_errors_is_not_lost():
    resampler = AudioResampler("fltp", "mono", 16000, frame_size=1024)
    samples = np.zeros((1, 100), np.float32)
    chance = random.Random(0)
    for told in range(150):
        with signals_raise([signal.SIGUSR1], Told), pytest.raises(Told):  # noqa: PT012 - wherever it comes
            tell_after(0.001 + 0.002 * chance.random())
            end = time.monotonic() + 5
            while time.monotonic() < end:
                frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
                frame.sample_rate = 16000
                resampler.resample(frame)  # mostly too few samples yet, an error that PyAV raises and catches
            pytest.fail(f"signal {told} was lost")


def test_a_signal_within_a_finaliser_is_not_lost():
    class Slow:
        def __del__(self):
            while not received:
                time.sleep(0.001)

    with signals_raise([signal.SIGUSR1], Told) as received, pytest.raises(Told):  # noqa: PT012 - wherever it comes
        slow = Slow()
        tell_after(0.05)
        del slow
        time.sleep(5)
        pytest.fail("the signal was lost")
    assert received == [signal.SIGUSR1]


def test_what_is_ignored_stays_ignored_and_handlers_come_back():
    before = signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    try:
        with signals_raise([signal.SIGUSR1, signal.SIGUSR2], Told):
            signal.raise_signal(signal.SIGUSR1)
            with pytest.raises(Told):
                signal.raise_signal(signal.SIGUSR2)
        assert signal.getsignal(signal.SIGUSR1) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGUSR2) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGUSR1, before)
