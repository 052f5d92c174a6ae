"""Describe a model: its parts, parameters, operations and activation memory, without allocating its weights."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from lt_bench.cli.output import add_json_flag, print_json, progress_bar
from lt_bench.cli.plugin_option import add_plugin_flag, with_plugins
from lt_bench.errors import ConfigError

if TYPE_CHECKING:
    from lt_bench.config import ModelConfig
    from lt_bench.models.memory import Memory
    from lt_bench.models.model_summary import Description


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    describe = actions.add_parser("describe", help="print the parts of a model", description=__doc__)
    describe.add_argument("preset", metavar="PRESET", help="tiny, micro, mini, S, B, L or XL")
    describe.add_argument("--portrait", default="symbiotic", help="fusion of the portrait (default: symbiotic)")
    describe.add_argument("--audio", default="direct", help="fusion of the audio (default: direct)")
    describe.add_argument(
        "--latent", default="4x32x32", metavar="CxHxW", help="shape of a latent (default: 4x32x32, SD-VAE at 256 px)"
    )
    describe.add_argument(
        "--speech", default="12x768", metavar="LxD", help="layers and features of speech (default: 12x768, wav2vec2)"
    )
    describe.add_argument(
        "--all-cells", action="store_true", help="compare every fusion of the portrait with every one of the audio"
    )
    describe.add_argument("--memory", action="store_true", help="print the GPU memory that training takes")
    describe.add_argument("--gpus", type=int, default=8, metavar="N", help="GPUs that share it (default: 8)")
    describe.add_argument("overrides", nargs="*", metavar="key=value", help="keys of the model's config, as in YAML")
    add_plugin_flag(describe)
    add_json_flag(describe)


def run(args: argparse.Namespace) -> int:
    """Describe one model or all cells."""
    from lt_bench.config import ModelConfig, apply_overrides, parse_config
    from lt_bench.models.model_summary import describe, describe_cells

    fusion = {"portrait": args.portrait, "audio": args.audio}
    document = apply_overrides({"preset": args.preset, "fusion": fusion}, args.overrides)
    config = with_plugins(parse_config(ModelConfig, document, source="model"), args.plugin)
    latent = _shape(args.latent, "--latent", 3)
    speech = _shape(args.speech, "--speech", 2)
    if args.memory:
        if args.gpus < 1:
            raise ConfigError(f"--gpus: expected at least 1, got {args.gpus}")
        from lt_bench.models.memory import training_memory

        return _print_memory(training_memory(config, latent, speech), config, args.gpus, args.json)
    if args.all_cells:
        with progress_bar() as bar:
            task = bar.add_task("describing")
            cells = describe_cells(
                config, latent, speech, lambda done, total: bar.update(task, completed=done, total=total)
            )
        return _print_cells(cells, args.json)
    return _print_one(describe(config, latent, speech), args.json)


def _shape(text: str, flag: str, length: int) -> Any:
    parts = text.lower().split("x")
    if len(parts) != length or not all(part.isdecimal() and 0 < int(part) <= 65536 for part in parts):
        example = "x".join("CHW" if length == 3 else "LD")
        raise ConfigError(f"{flag}: expected {length} positive whole numbers as {example}, got '{text}'")
    return tuple(map(int, parts))


def _document(found: Description) -> dict[str, Any]:
    from dataclasses import asdict

    from lt_bench.config import to_dict

    return {
        "model": to_dict(found.config),
        "latent": list(found.latent_shape),
        "speech": list(found.speech_shape),
        "parameters": found.parameters,
        "parameters_audio_projector": found.parameters_audio_projector,
        "parameters_total": found.parameters_total,
        "macs_step": found.macs_step,
        "macs_window": found.macs_window,
        "activations": found.activations,
        "overhead_parameters": round(found.overhead_parameters, 6),
        "overhead_macs": round(found.overhead_macs, 6),
        "parts": [asdict(part) for part in found.parts],
    }


def _print_one(found: Description, as_json: bool) -> int:
    if as_json:
        print_json(_document(found))
        return 0
    table = _table(f"{_title(found)}, portrait {found.config.fusion.portrait}, audio {found.config.fusion.audio}")
    for part in found.parts:
        costs = _giga(part.macs_window), _giga(part.macs_step), _mebi(part.activations)
        table.add_row(part.name, f"{part.parameters:,}", *costs)
    table.add_section()
    costs = _giga(found.macs_window), _giga(found.macs_step), _mebi(found.activations)
    table.add_row("transformer", f"{found.parameters:,}", "", "", "")
    table.add_row("total", f"{found.parameters_total:,}", *costs)
    _print(table)
    return 0


def _print_memory(found: Memory, config: ModelConfig, gpus: int, as_json: bool) -> int:
    cases = [
        (strategy, precision, checkpointing)
        for strategy in ("ddp", "fsdp")
        for precision in ("fp32", "bf16")
        for checkpointing in (False, True)
    ]
    per_gpu = {case: found.per_gpu(gpus, case[0], case[1], 1, case[2]) for case in cases}
    if as_json:
        from dataclasses import asdict

        keys = ("strategy", "precision", "activation_checkpointing")
        rows = [dict(zip(keys, case, strict=True)) | {"bytes": size} for case, size in per_gpu.items()]
        print_json({**asdict(found), "weights": found.weights, "state": found.state, "gpus": gpus, "per_gpu": rows})
        return 0
    from rich.table import Table

    state = f"{_gibi(found.weights)} GiB of weights, as much of gradients and of the weight average, twice of AdamW"
    table = Table(title=f"LetsTalk {config.preset}: training memory, GiB", caption=f"{state}; {gpus} GPUs")
    headings = ("strategy", "precision", "checkpointing", "activations of a window", "a GPU with one window")
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="right" if place > 2 else "left")
    for (strategy, precision, checkpointing), size in per_gpu.items():
        kept = found.bf16 if precision == "bf16" else found.fp32
        activations = kept.checkpointed if checkpointing else kept.plain
        table.add_row(strategy, precision, "on" if checkpointing else "off", _gibi(activations), _gibi(size))
    _print(table)
    return 0


def _gibi(size: int) -> str:
    return f"{size / 2**30:,.2f}"


def _print_cells(cells: tuple[Description, ...], as_json: bool) -> int:
    if as_json:
        print_json({"cells": [_document(cell) for cell in cells]})
        return 0
    _print(_cells_table(cells))
    return 0


def _cells_table(cells: tuple[Description, ...]) -> Any:
    from rich import box
    from rich.table import Table

    caption = "M parameters; G multiply-accumulates once a window and at each denoising step; GiB of activations of a\n"
    caption += "training window in fp32; 'more': than without either condition"
    table = Table(title=f"{_title(cells[0])}: every cell", caption=caption, box=box.SIMPLE_HEAD, padding=(0, 0))
    for heading in ("portrait", "audio"):
        table.add_column(heading, no_wrap=True)
    for heading in ("M par.", "more", "G/window", "G/step", "more", "GiB"):
        table.add_column(heading, justify="right", no_wrap=True)
    for cell in cells:
        table.add_row(
            cell.config.fusion.portrait,
            cell.config.fusion.audio,
            f"{cell.parameters / 1e6:.1f}",
            f"+{100 * cell.overhead_parameters:.0f}%",
            f"{cell.macs_window / 1e9:.1f}",
            f"{cell.macs_step / 1e9:.1f}",
            f"+{100 * cell.overhead_macs:.0f}%",
            f"{cell.activations / 2**30:.2f}",
        )
    return table


def _title(found: Description) -> str:
    config = found.config
    latent = "x".join(map(str, found.latent_shape))
    return f"LetsTalk {config.preset}/{config.patch_size}, {config.frames} frames of {latent}"


def _table(title: str) -> Any:
    from rich.table import Table

    caption = "G multiply-accumulates once a window and at each denoising step;\nMiB of activations of a training "
    table = Table(title=title, caption=f"{caption}window in fp32; a fusion's: what it adds")
    table.add_column("part", no_wrap=True)
    for heading in ("parameters", "G/window", "G/step", "MiB"):
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _giga(macs: int) -> str:
    return f"{macs / 1e9:,.3f}"


def _mebi(size: int) -> str:
    return f"{size / 2**20:,.1f}"


def _print(table: Any) -> None:
    from rich.console import Console

    Console().print(table)
