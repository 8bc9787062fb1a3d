"""Errors as a person reads them: what failed, what to do next, and an exit code."""

from __future__ import annotations

import json
import sys
import traceback
from typing import Any

import click

from ..errors import ConfigError, ConnectorError
from .options import Options

USAGE = ConfigError.exit_code
UNEXPECTED = ConnectorError.exit_code
INTERRUPTED = 130


def failed(error: ConnectorError, options: Options, *, as_json: bool) -> int:
    """Tell of an error that the product knows."""
    _tell(error.message, error.hint)
    if options.verbose:
        _trace(error)
    if as_json:
        _document(error.message, error.hint, error.exit_code, **_problems(error))
    return error.exit_code


def misused(error: click.ClickException, *, as_json: bool) -> int:
    """Tell of a command line that cannot be understood."""
    error.show(file=sys.stderr)
    if as_json:
        _document(error.format_message(), "", USAGE)
    return USAGE


def unexpected(error: Exception, options: Options, *, as_json: bool) -> int:
    """Tell of an error that nobody foresaw."""
    said = (str(error).splitlines() or [""])[0]
    what = f"unexpected error: {type(error).__name__}: {said}".rstrip(": ")
    print(f"{what}; run with -v", file=sys.stderr)
    if options.verbose:
        _trace(error)
    if as_json:
        _document(what, "Run again with -v and report what it prints.", UNEXPECTED)
    return UNEXPECTED


def interrupted(*, as_json: bool) -> int:
    """Tell that a person or a scheduler stopped the command."""
    print("Stopped. What was done is known; run again to go on.", file=sys.stderr)
    if as_json:
        _document("Stopped by the keyboard or a scheduler.", "Run again to go on.", INTERRUPTED)
    return INTERRUPTED


def _tell(message: str, hint: str) -> None:
    print(f"Error: {message}", file=sys.stderr)
    if hint:
        print(f"       {hint}", file=sys.stderr)


def _trace(error: Exception) -> None:
    print("".join(traceback.format_exception(error)), file=sys.stderr, end="")


def _problems(error: ConnectorError) -> dict[str, Any]:
    if not isinstance(error, ConfigError) or not error.problems:
        return {}
    names = ("file", "line", "what", "fix")
    return {"problems": [{n: getattr(each, n) for n in names} for each in error.problems]}


def _document(message: str, hint: str, exit: int, **more: Any) -> None:
    error = {"message": message, "hint": hint, "exit": exit, **more}
    print(json.dumps({"error": error}, ensure_ascii=False, indent=2))
