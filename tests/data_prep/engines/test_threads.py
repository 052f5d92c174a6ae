"""What a worker computes with."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from threadpoolctl import threadpool_info

from data_prep.engines.threads import one_thread


def blas_threads() -> set[int]:
    np.ones((2, 2)) @ np.ones((2, 2))
    return {found["num_threads"] for found in threadpool_info() if found["user_api"] == "blas"}


def test_within_the_block_every_library_has_one_thread_and_afterwards_those_of_before():
    threads = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(2)
    cv2.setNumThreads(2)
    before = blas_threads()
    try:
        with one_thread():
            assert (torch.get_num_threads(), cv2.getNumThreads(), blas_threads()) == (1, 1, {1})
        assert (torch.get_num_threads(), cv2.getNumThreads(), blas_threads()) == (2, 2, before)
    finally:
        torch.set_num_threads(threads[0])
        cv2.setNumThreads(threads[1])
