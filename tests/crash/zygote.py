"""A process that has imported and read everything and opened nothing: it forks a child per run.

Reads lines of JSON `{"config", "die_at", "then_plan"}`; answers with the signal or exit code, the
steps, and how much a plan made afterwards would change.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import connector.crm.hubspot
import connector.crm.salesforce
import connector.engines.duckdb
import connector.sources.file
import connector.sources.zenloop
import connector.sync.flow  # noqa: F401
from connector.config import load, open_app
from connector.crm.salesforce import flows
from connector.model.stages import stages
from connector.sync.flow import make_plan, sync

from .steps import Steps


def child(task: dict[str, Any], out: int) -> None:
    """Run one sync with the counter installed; report the steps if it lives."""
    steps = Steps(task["die_at"])
    steps.install()
    app = open_app(Path(task["config"]))
    if app.crm.name == "hubspot":  # searches as generous as the sandbox is
        app.crm._client.limiter.search.allow(500, 1.0)
    code = sync(app).exit
    steps.step("the end")
    planned = make_plan(app)[1].changes if task["then_plan"] else None
    os.write(out, json.dumps([steps.names, planned]).encode())
    os._exit(code)


def get_ready(config: Path) -> None:
    """Check the key and the files here, so that not every child must: none of it is a step."""
    loaded = load(config)
    if loaded.crm.name == "salesforce":
        flows._key(loaded.crm.auth.private_key.reveal())
    stages(loaded.model, as_of=datetime.now(UTC))


def run(task: dict[str, Any]) -> dict[str, Any]:
    """Fork, wait, and say how it ended."""
    get_ready(Path(task["config"]))
    inward, outward = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(inward)
        try:
            child(task, outward)
        finally:
            traceback.print_exc()
            os._exit(99)
    os.close(outward)
    told = b""
    while part := os.read(inward, 65536):
        told += part
    os.close(inward)
    _, status = os.waitpid(pid, 0)
    return {
        "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
        "exit": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
        "steps": json.loads(told)[0] if told else [],
        "planned": json.loads(told)[1] if told else None,
    }


def main() -> None:
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
