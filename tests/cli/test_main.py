"""The command: fast help, one-line errors, exit codes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lt_bench.cli.main import VERBS, main

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


def test_an_unknown_verb_is_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["frobnicate"])
    assert caught.value.code == 2
    assert "frobnicate" in capsys.readouterr().err


def test_a_missing_config_is_one_line_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ablate", "no/such.yaml"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "no/such.yaml: expected a readable YAML file, got No such file or directory" in error
