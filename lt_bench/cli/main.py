"""The command ``lt-bench``, whose verbs are imported only when they are called."""

from __future__ import annotations

import argparse
import importlib
import io
import os
import select
import signal
import sys
from collections.abc import Sequence

import lt_bench
from lt_bench.cli.interrupts import farewell, typed
from lt_bench.cli.parsing import OneLineParser, VerbParser
from lt_bench.errors import LtBenchError
from lt_bench.signal_exceptions import signals_raise

VERBS = {
    "prepare": "raw videos, or the embedded synthetic set, to a latent cache",
    "cache": "inspect and verify a latent cache",
    "train": "train one model",
    "generate": "a portrait and a voice to a talking-head video",
    "drift": "identity, colour and sharpness of long videos against time",
    "evaluate": "score a folder of videos under a named protocol",
    "compare": "two systems on the same clips, paired, Holm-corrected",
    "agreement": "which metrics order videos as people do",
    "doctor": "known answers of the scores on this machine and its weights",
    "sensitivity": "which score sees which known damage",
    "export-inputs": "portraits and voices of a split, for another system to run on",
    "ablate": "train, generate, score and rank a grid of fusion cells",
    "search": "search hyperparameters on the validation split",
    "leaderboard": "tables and a page from result files",
    "register": "put a trained model into MLflow's model registry",
    "model": "describe a model: parts, parameters, shapes",
    "import-checkpoint": "a checkpoint of LetsTalk's release to a model file",
    "assets": "list, get and verify pinned weights and data",
}
SPLIT_VERBS = {"ablate", "search", "prepare", "cache"}
"""Verbs whose code is a folder of several files."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit code: 0 done, 1 a check failed, 2 bad input, 130 interrupted, 143 by SIGTERM.

    141 where the reader of its output has gone, as for a command that SIGPIPE ends.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if sys.stdout is None:  # the shell closed it
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8")
    if isinstance(sys.stdout, io.TextIOWrapper):  # names that the terminal cannot show are escaped, as on stderr
        sys.stdout.reconfigure(errors="backslashreplace")
    parser = OneLineParser(
        prog="lt-bench",
        usage="lt-bench [-h] [--version] VERB ...",
        description="Fusion ablations and benchmarks for audio-driven talking heads.",
        epilog="verbs:\n" + "\n".join(f"  {verb:17} {text}" for verb, text in VERBS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"lt-bench {lt_bench.__version__}")
    parser.add_argument(
        "verb", choices=VERBS, metavar="VERB", help="one of the verbs below; lt-bench VERB --help says more"
    )
    chosen = parser.parse_args(arguments[:1])
    with signals_raise((signal.SIGINT, signal.SIGTERM), KeyboardInterrupt) as received:
        try:
            return _run(chosen.verb, arguments)
        except KeyboardInterrupt:
            print(farewell(chosen.verb, arguments), file=sys.stderr)
            # CPython notes that code in a string (a dataclass, say) was interrupted, and would end by SIGINT whatever
            # the exit code; other code in a string takes the note back.
            exec("")
            return 128 + received[0] if received else 130


def verb_module(verb: str) -> str:
    """Return the module below ``lt_bench.cli.commands`` that holds a verb."""
    name = verb.replace("-", "_")
    return f"{name}.command" if verb in SPLIT_VERBS else name


def _run(verb: str, arguments: Sequence[str]) -> int:
    module = importlib.import_module(f"lt_bench.cli.commands.{verb_module(verb)}")
    parser = VerbParser(prog=f"lt-bench {verb}", description=module.__doc__)
    module.add_arguments(parser)
    try:
        parsed = parser.parse_args(list(arguments[1:]))
        parsed.typed = typed(arguments)
        code = module.run(parsed)
        sys.stdout.flush()
        return code
    except LtBenchError as error:
        print(f"lt-bench {verb}: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except OSError as error:
        if isinstance(error, BrokenPipeError) and _nobody_reads():
            return 128 + signal.SIGPIPE
        if error.errno is None:
            raise
        print(f"lt-bench {verb}: {error.filename or 'system'}: {error.strerror}", file=sys.stderr)
        return 2


def _nobody_reads() -> bool:
    """Return whether the reader of stdout has gone, as ``head`` does; output that is left is dropped."""
    looked = select.poll()
    looked.register(sys.stdout.fileno(), 0)
    if not looked.poll(0):
        return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return True


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    sys.exit(main())
