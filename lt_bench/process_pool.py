"""A pool of spawned processes, each with a device of its own, which ends with the command that started it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from multiprocessing import active_children, get_context
from typing import Any, TypeVar

from lt_bench.children import deaf_to_interrupts, end_with_parent
from lt_bench.devices import device_of, use_device

Job = TypeVar("Job")
Result = TypeVar("Result")


def run_in_processes(
    function: Callable[[Job], Result],
    jobs: Sequence[Job],
    setup: Callable[[], None],
    workers: int,
    devices: Sequence[str] = (),
) -> Iterator[Result]:
    """Results of all jobs, as they come.

    Args:
        function: does a job; of a module, for it is pickled.
        jobs: what to do.
        setup: called once in each process, after it has got its device.
        workers: processes.
        devices: given to the processes in turn; none for all that this process sees.

    Raises:
        BrokenProcessPool: a process died.
    """
    context = get_context("spawn")
    begin = partial(_begin, setup, tuple(devices), context.Value("i", 0))
    with ProcessPoolExecutor(workers, mp_context=context, initializer=begin) as pool:
        with deaf_to_interrupts():  # its processes start here
            futures = [pool.submit(function, job) for job in jobs]
        try:
            for future in as_completed(futures):
                yield future.result()
        except (KeyboardInterrupt, GeneratorExit):  # at once: files appear whole or not at all
            for child in active_children():
                child.terminate()
            raise
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _begin(setup: Callable[[], None], devices: Sequence[str], counter: Any) -> None:
    end_with_parent()
    with counter.get_lock():
        number, counter.value = counter.value, counter.value + 1
    device = device_of(number, devices)
    if device is not None:
        use_device(device)
    setup()
