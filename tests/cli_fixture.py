"""The command line as a person runs it."""

from __future__ import annotations

from click.testing import CliRunner, Result

from gangwei.cli import main


def run(*args: object) -> Result:
    """The result of `gangwei` with these arguments; no mistake of a user shows a traceback."""
    result = CliRunner().invoke(main, [str(a) for a in args], catch_exceptions=False)
    assert "Traceback" not in result.output
    return result


def one_error(result: Result, code: int = 1) -> str:
    """The one line of an error, of a command that ended with this code."""
    assert result.exit_code == code, result.output
    lines = [x for x in result.output.splitlines() if x.startswith("error:")]
    assert len(lines) == 1, result.output
    return lines[0]
