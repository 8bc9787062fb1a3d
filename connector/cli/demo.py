"""connector demo"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import ConfigError, ConnectorError
from .options import Options, command

if TYPE_CHECKING:
    from ..report.texts import Language
    from ..sync.app import App

#: Says that a folder is a demo and may be made anew.
MARK = ".connector-demo"
STOP_SECONDS = 10


@command()
@click.option("--accounts", default=500, show_default=True, help="How many to make up.")
@click.option(
    "--dir",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("demo"),
    show_default=True,
    help="Where it is kept.",
)
@click.option(
    "--crm", type=click.Choice(["salesforce", "hubspot"]), default="salesforce", show_default=True
)
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("report.html"),
    show_default=True,
    help="Where the HTML page goes.",
)
@click.option("--lang", type=click.Choice(["en", "de"]), default="en", help="Of the HTML page.")
@click.option("--keep", is_flag=True, help="Go on with what an earlier demo left.")
def demo(
    options: Options,
    *,
    accounts: int,
    folder: Path,
    crm: str,
    report: Path,
    lang: Language,
    keep: bool,
) -> int:
    """See everything work: a sandbox, a full sync against it, and what it leaves.

    Starts a CRM and a zenloop of its own on this machine, creates the fields, shows the
    plan, writes it, and runs once more to show that nothing is left to do.
    """
    _prepare(folder, keep=keep)
    with _sandbox(folder / "sandbox", accounts) as url:
        done = _tour(options, folder, url, crm, report, lang)
    from .talk import answer

    answer(options, done, *_ways_on(folder, report, url, done["example"]))
    return int(done["done"]["exit"])


def _prepare(folder: Path, *, keep: bool) -> None:
    """Make the folder, anew unless it is to be kept. A folder of somebody else's is refused."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARK).exists():
            raise ConfigError(
                f"{folder} is not a demo, and it is not empty.",
                hint="Name another folder with --dir.",
            )
        if not keep:
            shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).touch()


@contextmanager
def _sandbox(folder: Path, accounts: int) -> Iterator[str]:
    """A sandbox as a process of its own for as long as the block lasts; gives its address."""
    serve = [sys.executable, "-m", "connector.cli", "sandbox", "serve", "--port", "0"]
    command = [*serve, "--accounts", str(accounts), "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:  # noqa: S603
        try:
            yield _address(child)
        finally:
            child.terminate()
            try:
                child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()


def _address(child: subprocess.Popen[str]) -> str:
    import orjson

    line = child.stdout.readline() if child.stdout else ""
    if not line:
        raise ConnectorError(
            "The sandbox did not start.", hint="Try it alone: connector sandbox serve"
        )
    return str(orjson.loads(line)["url"])


def _tour(
    options: Options, folder: Path, url: str, crm: str, report: Path, lang: Language
) -> dict[str, Any]:
    """The whole job, step by step; what it came to."""
    from ..config import open_app
    from ..report import html, terminal
    from ..report.facts import gather
    from ..sync import flow
    from . import plan
    from .starting import begin

    say = _teller(options)
    path = folder / "config.toml"
    begin(folder, crm, url, force=True)
    app = open_app(path)
    say(f"1. A sandbox is up at {url}; its configuration is {path}.")
    say("2. The fields that will hold the results:", terminal.provision(_provided(app)))
    app = _afresh(app)
    with terminal.progress(shown=options.bars) as notify:
        planned, made = flow.make_plan(app, notify=notify)
    say("3. What is there:", terminal.found(planned.as_dict()))
    say("4. What would change, before anything is written:", plan.shown(app, made))
    app = _afresh(app)
    with terminal.progress(shown=options.bars) as notify:
        applied = flow.apply_plan(app, made, notify=notify)
    say("5. The plan is written:", terminal.receipt(applied.as_dict()))
    whole = _joined(planned.as_dict(), applied.as_dict(), made.calls)
    facts = gather(app)
    html.write(report, facts, whole, lang)
    with terminal.progress(shown=options.bars) as notify:
        again = flow.sync(_afresh(app), notify=notify).as_dict()
    say("6. A sync right after it:", terminal.outcome(again))
    # The largest of the accounts in trouble is worth a look.
    example = facts.attention[0].id if facts.attention else ""
    return {"url": url, "done": whole, "again": again, "example": example}


def _afresh(app: App) -> App:
    """The app with a new connection: calls are counted as if each step were a command."""
    return replace(app, crm=replace(app.crm))


def _joined(
    planned: dict[str, Any], applied: dict[str, Any], writing: Mapping[str, int]
) -> dict[str, Any]:
    """A plan and its application as the one run that a sync would have been."""
    own = ("changes", "refusals", "stopped", "exit", "allowance")
    none = {"predicted": 0, "actual": 0}
    calls = {}
    for lane in sorted({*planned["calls"], *applied["calls"]}):
        before, after = (part["calls"].get(lane, none) for part in (planned, applied))
        # Both predict the writing; it is done once.
        predicted = before["predicted"] + after["predicted"] - writing.get(lane, 0)
        calls[lane] = {"predicted": predicted, "actual": before["actual"] + after["actual"]}
    seconds = {**planned["seconds"], **applied["seconds"]}
    return {**planned, **{name: applied[name] for name in own}, "calls": calls, "seconds": seconds}


def _teller(options: Options) -> Any:
    """Shows the steps to a person; a program waits for the end."""
    from ..report import terminal

    def say(heading: str, *parts: Any) -> None:
        if not (options.json or options.quiet):
            terminal.step(heading, *parts)

    return say


def _provided(app: App) -> Any:
    from ..sync.provision import provision

    return provision(app, app.crm.check())


def _ways_on(folder: Path, report: Path, url: str, example: str) -> list[str]:
    # `make demo` runs a command that is on nobody's path.
    connector = "connector" if shutil.which("connector") else sys.argv[0]
    here = f"{connector} -c {folder / 'config.toml'}"
    port = url.rpartition(":")[2]
    return [
        "\nLook around:",
        f"  {report} in a browser",
        f"  {here} explain {example}",
        f"  {here} runs",
        f"  {here} runs show",
        "\nTo go on against the same sandbox, start it again in another terminal:",
        f"  {connector} sandbox serve --dir {folder / 'sandbox'} --port {port}",
        f"  {here} sync",
    ]
