"""``generate --real``: every clip of a real set to a folder of videos."""

from __future__ import annotations

import argparse

from lt_bench.cli.commands.generate import check_model_file, sampling_of
from lt_bench.cli.output import print_json, progress_bar, stderr_console
from lt_bench.errors import MediaError


def run_set(arguments: argparse.Namespace) -> int:
    """Generate, and report misses; 1 where there are any."""
    if arguments.out.exists() and not arguments.out.is_dir():
        raise MediaError(f"--out: expected a folder, got the file {arguments.out}")
    check_model_file(arguments.checkpoint)
    from lt_bench.config import to_dict
    from lt_bench.models.checkpoint import load_model, read_card
    from lt_bench.plugins import load_plugins
    from lt_bench.sampling.generated_set import MANIFEST_FILE
    from lt_bench.sampling.videos import generate_split

    load_plugins(arguments.plugin)
    sampling = sampling_of(read_card(arguments.checkpoint), arguments.overrides)
    loaded = load_model(arguments.checkpoint, sampling.weights)
    with progress_bar() as bar:
        task = bar.add_task("generating")
        made = generate_split(
            loaded,
            arguments.real,
            arguments.out,
            sampling,
            system=arguments.system,
            clips=arguments.clips,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
            devices=arguments.devices,
            plugins=arguments.plugin,
        )
    if arguments.json:
        print_json(to_dict(made))
    else:
        print(arguments.out / MANIFEST_FILE)
    for miss in made.misses:
        stderr_console().print(f"{miss.id}: {miss.reason}", markup=False, highlight=False, soft_wrap=True)
    return 1 if made.misses else 0
