"""Every verb explains itself lightly, and faults end with one message and the right code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from ossamma import __version__
from ossamma.cli.errors import Verbs
from ossamma.schema.errors import DataError

SOURCE = Path(__file__).resolve().parents[2] / "src"
VERBS = (
    "demo",
    "train",
    "pretrain",
    "evaluate",
    "calibrate",
    "gate",
    "tune",
    "ablate",
    "run",
    "extract",
    "serve",
    "alerts",
    "info",
)
OPTIONS = {
    "pretrain": {"--text", "--out", "--tokenizer", "--recipe", "--set", "--resume", "--json"},
    "calibrate": {"--bundle", "--gold", "--out", "--method", "--json"},
    "gate": {"--profile", "--gates", "--incumbent", "--junit", "--strict", "--json"},
    "tune": {"--trials", "--out", "--train", "--dev", "--workers", "--json"},
    "ablate": {"--variants", "--seeds", "--out", "--test", "--json"},
    "demo": {"--out"},
    "run": {"--from", "--to", "--out", "--status", "--resume", "--backend", "--built", "--set"},
    "train": {
        "--profile",
        "--train",
        "--dev",
        "--test",
        "--out",
        "--preset",
        "--init",
        "--set",
        "--resume",
    },
    "serve": {"--bundle", "--host", "--port", "--keys"},
    "evaluate": {"--bundle", "--pred", "--gold", "--json"},
    "extract": {"--bundle", "--json"},
    "alerts": {"rules", "dashboard", "check"},
    "info": {"BUNDLE"},
}


def run(*arguments, **options):
    """Start the command in a process of its own."""
    path = os.pathsep.join(filter(None, [str(SOURCE), os.environ.get("PYTHONPATH")]))
    return subprocess.run(
        [sys.executable, "-c", "from ossamma.cli.app import main; main()", *arguments],
        env=os.environ | {"PYTHONPATH": path, "COLUMNS": "120"},
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


@pytest.mark.parametrize("verb", VERBS)
def test_help_names_the_options_and_loads_no_torch(verb):
    code = f"""
import sys
from ossamma.cli.app import main
sys.argv = ["ossamma", "{verb}", "--help"]
try:
    main()
finally:
    assert not {{"torch", "transformers", "numpy"}} & set(sys.modules), "help must be light"
"""
    path = os.pathsep.join(filter(None, [str(SOURCE), os.environ.get("PYTHONPATH")]))
    result = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": path, "COLUMNS": "120"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert all(option in result.stdout for option in OPTIONS[verb])


def test_help_lists_all_verbs(ossamma):
    result = ossamma("--help")
    assert result.exit_code == 0
    assert all(verb in result.stdout for verb in VERBS)


@pytest.mark.parametrize("verb", [(), ("train",), ("data", "build"), ("graph", "stats")])
def test_the_short_option_for_help_is_understood_everywhere(ossamma, verb):
    short, long = ossamma(*verb, "-h"), ossamma(*verb, "--help")
    assert short.exit_code == 0
    assert short.output == long.output


def test_the_version_is_that_of_the_package(ossamma):
    assert ossamma("--version").stdout == f"ossamma {__version__}\n"


@pytest.mark.parametrize(
    "arguments", [["fly"], ["train"], ["extract", "--unknown"], ["evaluate", "--format", "xml"]]
)
def test_a_wrong_command_line_ends_with_2_and_a_word_on_stderr(ossamma, arguments):
    result = ossamma(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr


@pytest.mark.e2e
@pytest.mark.parametrize(
    "arguments",
    [
        ["evaluate", "--pred", "nowhere", "--gold", "nowhere"],
        ["info", "nowhere"],
        ["extract", "--bundle", "nowhere", "a.txt"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_missing_file_is_one_line_on_stderr(tmp_path, arguments):
    result = run(*arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("error: ")
    assert "nowhere" in result.stderr


def failing(error):
    """A command of one verb that fails."""
    app = typer.Typer(cls=Verbs)

    @app.command()
    def verb():
        raise error

    app.callback()(lambda: None)
    return CliRunner().invoke(app, ["verb"])


def test_a_fault_of_the_user_is_a_message_without_markup_or_traceback():
    result = failing(DataError("a [bold]bracket[/bold] in C:\\[x]"))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "error: a [bold]bracket[/bold] in C:\\[x]\n"


def test_a_fault_of_the_machine_is_a_message_too():
    result = failing(OSError(28, "No space left on device", "run/bundle"))
    assert result.exit_code == 2
    assert result.stderr == "error: [Errno 28] No space left on device: 'run/bundle'\n"


def test_a_fault_of_ours_is_not_hidden():
    result = failing(AssertionError("this cannot be"))
    assert isinstance(result.exception, AssertionError)


def test_an_interruption_ends_with_130():
    assert failing(KeyboardInterrupt()).exit_code == 130


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX pipes")
def test_a_reader_that_goes_away_is_no_error(tmp_path):
    """Like `ossamma info ... | head -1`: no traceback, and the shell's code for a broken pipe."""
    code = """
import os, sys, typer
from ossamma.cli.errors import Verbs
app = typer.Typer(cls=Verbs)
@app.command()
def verb():
    sys.stdin.read()  # until the reader is gone
    for number in range(100_000):
        typer.echo("x" * 100)
app.callback()(lambda: None)
app(["verb"])
"""
    path = os.pathsep.join(filter(None, [str(SOURCE), os.environ.get("PYTHONPATH")]))
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.close()
    process.stdin.close()
    with process.stderr:
        assert process.stderr.read() == b""
    assert process.wait() == 141


def test_json_is_json(ossamma, trained):
    for arguments in (
        ["info", trained.request.out, "--json"],
        ["evaluate", "--bundle", trained.request.out, "--gold", trained.request.test, "--json"],
        ["extract", "--bundle", trained.request.out, "--json", trained.request.test],
    ):
        result = ossamma(*arguments)
        assert result.exit_code == 0, result.stderr
        assert isinstance(json.loads(result.stdout), dict)
        assert len(result.stdout.splitlines()) == 1
