"""The command: fast help, one-line errors, exit codes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lt_bench.cli.main import VERBS, main
from lt_bench.cli.parsing import VerbParser

HEAVY = ("torch", "lightning", "mlflow", "mediapipe", "diffusers", "transformers", "pandas", "matplotlib", "pydantic")


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom lt_bench.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit as e:\n    assert e.code == 0\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    for verb in VERBS:
        assert verb in done.stdout


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_every_verb_imports_nothing_heavy(verb: str) -> None:
    code = (
        "import sys\nfrom lt_bench.cli.main import main\n"
        f"try:\n    main(['{verb}', '--help'])\nexcept SystemExit as e:\n    assert e.code == 0\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("", "lt-bench: the following arguments are required: VERB; see lt-bench --help"),
        ("frobnicate", "lt-bench: VERB: invalid choice: 'frobnicate' (choose from"),
        ("train --config run.yaml", "lt-bench train: the following arguments are required: --out; see"),
        ("train --config a --out b --fast", "lt-bench train: unrecognized arguments: --fast; see"),
        ("model guess tiny", "lt-bench model: ACTION: invalid choice: 'guess'"),
        ("prepare synthetic --out x --workers 0", "--workers: expected a whole number of at least 1, got '0'; see"),
        ("cache statistics x --workers two", "--workers: expected a whole number of at least 1, got 'two'; see"),
        ("ablate x.yaml --retries=-1", "--retries: expected a whole number of at least 0, got '-1'; see"),
        ("leaderboard x --samples=-1", "--samples: expected a whole number of at least 0, got '-1'; see"),
    ],
)
def test_wrong_arguments_are_one_line_and_exit_code_2(line: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(line.split())
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert says in error


def test_a_missing_config_is_one_line_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ablate", "no/such.yaml"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "no/such.yaml: expected a readable YAML file, got No such file or directory" in error


@pytest.mark.parametrize(
    "line",
    [
        "b.yaml --out x train.steps=3 --json train.seed=4",
        "b.yaml train.steps=3 train.seed=4 --out x --json",
        "--json b.yaml --out x train.steps=3 train.seed=4",
    ],
)
def test_overrides_may_stand_anywhere(line: str) -> None:
    parser = VerbParser()
    parser.add_argument("experiment")
    parser.add_argument("overrides", nargs="*")
    parser.add_argument("--out")
    parser.add_argument("--json", action="store_true")
    parsed = parser.parse_args(line.split())
    assert (parsed.experiment, parsed.overrides) == ("b.yaml", ["train.steps=3", "train.seed=4"])
    assert (parsed.out, parsed.json) == ("x", True)


@pytest.mark.parametrize("verb", ["prepare", "train", "generate", "ablate", "model"])
def test_every_verb_with_overrides_takes_late_ones(
    verb: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The late override is read as one, and refused as an unknown key or behind a missing file: never by the parser."""
    out = str(tmp_path / "out")
    arguments = {
        "prepare": ["synthetic", "--out", out, "nope=1"],
        "train": ["--config", "no.yaml", "nope=1", "--out", out, "nope=2"],
        "generate": ["--checkpoint", "no", "--portrait", "no", "nope=1", "--audio", "no", "--out", out, "nope=2"],
        "ablate": ["no.yaml", "--out", out, "nope=1"],
        "model": ["describe", "tiny", "--json", "nope=1"],
    }[verb]
    assert main([verb, *arguments]) == 2
    assert "unrecognized arguments" not in capsys.readouterr().err


def test_what_is_no_override_is_still_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["ablate", "b.yaml", "--nope=1"])
    assert caught.value.code == 2
    assert "unrecognized arguments: --nope=1" in capsys.readouterr().err


def test_an_interrupt_in_code_from_a_string_keeps_the_exit_code() -> None:
    """As in the middle of making a dataclass: CPython would end the process by SIGINT for it."""
    code = (
        "import sys\nfrom lt_bench.cli import main as command\n"
        "command._run = lambda verb, arguments: exec('raise KeyboardInterrupt')\n"
        "sys.exit(command.main(['cache', 'list']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (130, "lt-bench cache list")


def test_a_reader_that_goes_away_is_no_error() -> None:
    code = "import sys; from lt_bench.cli.main import main; sys.exit(main(['assets', 'list', '--json']))"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 141


def test_a_closed_stdout_is_no_error() -> None:
    command = f"{sys.executable} -m lt_bench assets list >&-"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
