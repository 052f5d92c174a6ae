"""A pretended GPU: tensors that report ``cuda:0`` while their numbers are computed on the CPU.

``pretended_gpu()`` runs real code paths of a GPU on a machine without one. To C++ the tensors are meta tensors with
CUDA's dispatch keys, so autograd and device checks treat them as CUDA's; every operation ends in ``PretendedGpu.run``,
which

- raises where a GPU would: tensors on different devices, ``numpy()`` of a tensor on the GPU;
- records each host synchronization (a scalar read, a blocking copy, a boolean index), each asynchronous copy and each
  kernel, with the line of code that caused it;
- computes the result on the CPU, or on ``meta`` where sizes alone matter.

Limits. C++ autocast does not see these tensors: ``pretended_autocast.Bf16Autocast`` emulates it for the operations that
this project uses, but not in the recomputation of a checkpoint. Whether memory is pinned is not recorded: a copy counts
as asynchronous when it was asked for as one. Speed and memory of a real GPU are not modeled.

(FakeTensorMode offers CUDA tensors too, but no backward pass under a CUDA build without a GPU: autograd asks the driver
for a context.)
"""

from __future__ import annotations

import collections
import contextlib
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal
from unittest import mock

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_leaves, tree_map

from lt_bench import scaling
from lt_bench.diffusion import schedule, variance
from lt_bench.models.codecs import dct

GPU = torch.device("cuda", 0)
KEPT_TABLES: tuple[Any, ...] = (schedule._kept, variance._posteriors, scaling._tensors, dct._kernels_like)
"""Functions that keep a table for each device, for the rest of the process."""
TRACED = ("lt_bench", "data_prep", "diffusers", "lightning", "transformers")
"""Packages whose lines are named as the cause of a synchronization."""
# Operations that launch no kernel: views, allocations and questions.
NO_KERNEL = frozenset(
    "view transpose permute expand unsqueeze squeeze slice select split unbind chunk t detach as_strided alias "  # noqa: SIM905
    "split_with_sizes _reshape_alias lift_fresh diagonal empty empty_like empty_strided new_empty new_empty_strided "
    "_local_scalar_dense is_same_size _unsafe_view unfold squeeze_ unsqueeze_".split()
)
INDEXING = frozenset(("index", "index_put", "index_put_", "index_put_impl_"))
COUNTING = frozenset(("nonzero", "masked_select", "_unique2", "unique_dim", "unique_consecutive"))
"""Operations whose result's size is known only once the GPU has counted."""

Kind = Literal["scalar read", "copy to host", "copy to device", "copy across", "index from host", "count"]


@dataclass(frozen=True)
class Event:
    """A host synchronization or a copy, and the line that caused it."""

    kind: Kind
    place: str


class GpuTensor(Tensor):
    """A tensor on the pretended GPU; ``numbers`` holds its values on the CPU, or on ``meta``."""

    numbers: Tensor

    @staticmethod
    def __new__(cls, numbers: Tensor, requires_grad: bool = False) -> GpuTensor:
        with _disable_current_modes():
            shell = torch.empty_strided(numbers.shape, numbers.stride(), dtype=numbers.dtype, device="meta")
        made = Tensor._make_subclass(cls, shell, requires_grad, dispatch_device=False, device_for_backend_keys=GPU)
        made.numbers = numbers
        return made

    device = property(lambda self: GPU)  # type: ignore[assignment]
    is_cuda = property(lambda self: True)  # type: ignore[assignment]
    is_meta = property(lambda self: False)  # type: ignore[assignment]
    is_cpu = property(lambda self: False)  # type: ignore[assignment]

    def tolist(self) -> Any:
        gpu = PretendedGpu.active[-1]
        gpu.record_sync("copy to host")
        return self.numbers.tolist()

    def numpy(self, *_: Any, **__: Any) -> Any:
        raise TypeError("can't convert cuda:0 device type tensor to numpy")

    __array__ = numpy

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        return f"GpuTensor({tuple(self.shape)}, {self.dtype})"

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return PretendedGpu.active[-1].run(func, args, kwargs or {})


class PretendedGpu(TorchDispatchMode):
    """Runs operations of GPU tensors and records what a GPU would do.

    Attributes:
        syncs: host synchronizations, in order.
        copies: asynchronous copies to the device, in order.
        kernels: number of kernels, by operation.
        bytes: bytes read and written, by operation.
    """

    active: list[PretendedGpu] = []  # noqa: RUF012 - the innermost one is used

    def __init__(self, numbers: Literal["cpu", "meta"] = "cpu") -> None:
        super().__init__()
        self.back = torch.device(numbers)
        self.reset()

    def reset(self) -> None:
        """Forget what was recorded."""
        self.syncs: list[Event] = []
        self.copies: list[Event] = []
        self.kernels: collections.Counter[str] = collections.Counter()
        self.bytes: collections.Counter[str] = collections.Counter()

    def __enter__(self) -> PretendedGpu:
        PretendedGpu.active.append(self)
        return super().__enter__()

    def __exit__(self, *error: Any) -> None:
        PretendedGpu.active.pop()
        super().__exit__(*error)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self.run(func, args, kwargs or {})

    def record_sync(self, kind: Kind) -> None:
        self.syncs.append(Event(kind, _place()))

    def run(self, func: Any, args: Any, kwargs: Any) -> Any:
        tensors = [x for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)]
        on_gpu = [x for x in tensors if isinstance(x, GpuTensor)]
        on_host = [x for x in tensors if not isinstance(x, GpuTensor)]
        name = func._schema.name.split("::")[1]
        device = kwargs.get("device")
        target = None if device is None else torch.device(device).type
        to_gpu, to_host = target in ("cuda", "meta"), target == "cpu"
        if name == "_local_scalar_dense" and on_gpu:
            self.record_sync("scalar read")
            return self._compute(func, args, kwargs, on_gpu, result_on_gpu=False)
        if name in ("_to_copy", "to") and on_gpu and to_host:
            self.record_sync("copy to host")
            return self._compute(func, args, kwargs, on_gpu, result_on_gpu=False)
        if name == "_to_copy" and not on_gpu and to_gpu:
            if kwargs.get("non_blocking"):
                self.copies.append(Event("copy to device", _place()))
            else:
                self.record_sync("copy to device")
            return self._compute(func, args, kwargs, on_gpu, result_on_gpu=True)
        if name == "copy_" and on_gpu and on_host:
            self.record_sync("copy across")
            return self._compute(func, args, kwargs, on_gpu, isinstance(args[0], GpuTensor))
        if not on_gpu:
            return self._compute(func, args, kwargs, on_gpu, result_on_gpu=to_gpu)
        if to_host:
            raise RuntimeError(f"{func}: device=cpu of a tensor on cuda:0 at {_place()}")
        self._check_devices(func, name, args, on_gpu, on_host)
        return self._compute(func, args, kwargs, on_gpu, result_on_gpu=True)

    def _check_devices(self, func: Any, name: str, args: Any, on_gpu: list[Any], on_host: list[Tensor]) -> None:
        indexing = name.lstrip("_") in INDEXING
        for tensor in on_host:
            if indexing and isinstance(args[0], GpuTensor) and tensor is not args[0]:
                self.record_sync("index from host")
            elif tensor.ndim:
                shape = tuple(tensor.shape)
                raise RuntimeError(f"{func}: expected all tensors on cuda:0, got {shape} on the CPU at {_place()}")
        masks = indexing and any(x.dtype == torch.bool for x in on_gpu if x is not args[0])
        if masks or name in COUNTING:
            self.record_sync("count")

    def _compute(self, func: Any, args: Any, kwargs: Any, on_gpu: list[Any], result_on_gpu: bool) -> Any:
        args, kwargs_bare = tree_map(_numbers, args), tree_map(_numbers, kwargs)
        if kwargs.get("device") is not None:
            kwargs_bare["device"] = self.back if result_on_gpu else torch.device(kwargs["device"])
        if kwargs_bare.get("pin_memory"):
            kwargs_bare.pop("pin_memory")
        name = func._schema.name.split("::")[1]
        if name == "_to_copy" and result_on_gpu and not on_gpu and self.back.type == "meta":
            args = (args[0].to("meta"), *args[1:])
        result = func(*args, **kwargs_bare)
        known = {id(x.numbers): x for x in on_gpu}  # operations in place return what they were given

        def wrap(value: Any) -> Any:
            if id(value) in known:
                return known[id(value)]
            return GpuTensor(value) if result_on_gpu and isinstance(value, Tensor) else value

        made = tree_map(wrap, result)
        if result_on_gpu and name not in NO_KERNEL:
            self.kernels[name] += 1
            self.bytes[name] += sum(_touched(x) for x in [*on_gpu, *tree_leaves(made)] if isinstance(x, Tensor))
        return made


def move_to_gpu(module: nn.Module) -> nn.Module:
    """Move parameters and buffers in place, without recording copies."""
    for part in module.modules():
        for name, parameter in part._parameters.items():
            if parameter is not None:
                moved = nn.Parameter(GpuTensor(parameter.detach()), parameter.requires_grad)
                part._parameters[name] = moved
        for name, buffer in part._buffers.items():
            if buffer is not None:
                part._buffers[name] = GpuTensor(buffer)
    return module


def to_host(tree: Any) -> Any:
    """The numbers of every GPU tensor in nested dictionaries, lists and tuples, without recording copies."""
    if isinstance(tree, dict):
        return {key: to_host(value) for key, value in tree.items()}
    if isinstance(tree, (list, tuple)) and not hasattr(tree, "_fields"):
        return type(tree)(map(to_host, tree))
    return _numbers(tree)


@contextlib.contextmanager
def pretended_gpu(numbers: Literal["cpu", "meta"] = "cpu") -> Iterator[PretendedGpu]:
    """Within the block, this machine has one GPU.

    Args:
        numbers: ``meta`` computes sizes alone.
    """
    # Autograd starts its threads, one for each GPU, at the first backward pass: here, where there is none. Else no
    # process forked later, as other tests fork them, could have a backward pass.
    torch.ones((), requires_grad=True).backward()
    torch._C._ensureCUDADeviceGuardSet()  # as FakeTensorMode does: a guard that does nothing
    lifted = torch._C._only_lift_cpu_tensors()
    overwrite = torch.__future__.get_overwrite_module_params_on_conversion()
    with _patched(), torch.autograd.set_multithreading_enabled(False), PretendedGpu(numbers) as gpu:
        torch._C._set_only_lift_cpu_tensors(True)  # torch.tensor(..., device="cuda") copies where the mode sees it
        torch.__future__.set_overwrite_module_params_on_conversion(True)  # Module.to makes new parameters
        try:
            yield gpu
        finally:
            torch.__future__.set_overwrite_module_params_on_conversion(overwrite)
            torch._C._set_only_lift_cpu_tensors(lifted)
            for table in KEPT_TABLES:  # made for a device of this name, with numbers of this kind
                table.cache_clear()


CUDA_FUNCTIONS: dict[str, Any] = {
    "is_available": lambda: True,
    "is_initialized": lambda: True,
    "is_bf16_supported": lambda including_emulation=True: True,
    "device_count": lambda: 1,
    "current_device": lambda: 0,
    "set_device": lambda device: None,
    "get_device_capability": lambda device=None: (9, 0),
    "get_device_name": lambda device=None: "pretended",
    "empty_cache": lambda: None,
    "synchronize": lambda device=None: None,
    "reset_peak_memory_stats": lambda device=None: None,
    "max_memory_allocated": lambda device=None: 0,
    "memory_stats": lambda device=None: {},
    "mem_get_info": lambda device=None: (2**36, 2**37),
    "_lazy_init": lambda: None,
}


@contextlib.contextmanager
def _patched() -> Iterator[None]:
    def enter(self: Any) -> None:  # inference tensors have no version counter, which the shells need
        self._held = torch.no_grad()
        self._held.__enter__()

    def leave(self: Any, *error: Any) -> None:
        self._held.__exit__(*error)

    with (
        mock.patch.multiple(torch.inference_mode, __enter__=enter, __exit__=leave),
        mock.patch.multiple(torch.cuda, **CUDA_FUNCTIONS),
        mock.patch("torch.utils._triton.has_triton", return_value=False),  # which asks the GPU for its properties
        mock.patch.object(torch._C, "_cuda_clearCublasWorkspaces", _nothing, create=True),
        mock.patch.object(nn.functional, "scaled_dot_product_attention", _attention),
        mock.patch.object(Tensor, "type", _type),
        mock.patch.object(clip_grad, "_has_foreach_support", _always),
    ):
        yield


def _attention(query: Tensor, key: Tensor, value: Tensor, *_: Any, **__: Any) -> Tensor:
    """Fused attention, whose choice of kernel C++ would make by asking the GPU."""
    if not isinstance(query, GpuTensor):
        return torch._C._nn.scaled_dot_product_attention(query, key, value, *_, **__)
    kind = torch.get_autocast_dtype("cuda") if torch.is_autocast_enabled("cuda") else query.dtype
    query, key, value = (x.to(kind) for x in (query, key, value))
    return torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(query, key, value)[0]


def _nothing(*_: Any) -> None:
    pass


def _always(*_: Any) -> bool:
    return True


_TYPE = Tensor.type


def _type(self: Tensor, kind: Any = None, *args: Any, **kwargs: Any) -> Any:
    """``Tensor.type``, to which the class of a GPU tensor is ``torch.Tensor``."""
    return _TYPE(self, Tensor if kind is GpuTensor else kind, *args, **kwargs)


def _numbers(value: Any) -> Any:
    return value.numbers if isinstance(value, GpuTensor) else value


def _touched(tensor: Tensor) -> int:
    """Bytes of a tensor in memory; an expanded dimension is read once."""
    elements = 1
    for size, stride in zip(tensor.shape, tensor.stride(), strict=True):
        elements *= size if stride else 1
    return elements * tensor.element_size()


def _place() -> str:
    for frame in reversed(traceback.extract_stack()):
        for name in TRACED:
            folder = f"/{name}/"
            if folder in frame.filename:
                return f"{name}/{frame.filename.rsplit(folder, 1)[1]}:{frame.lineno} {frame.line}"
    return "outside"
