"""connector webhooks: a process that receives, and a run that takes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import requests

from connector.config import load

CONFIG = """
[crm]
type = "hubspot"
[crm.auth]
flow = "token"
token = "env:NOT_ASKED_FOR"

[sources.hook]
type = "webhook"
at = "nps"
platform = "trustmary"
secret = "file:hook.secret"
stream = "responses"
[sources.hook.columns]
id = "id"
submitted_at = "at"

[files]
mapping = "{mappings}/hubspot.toml"
model = "{mappings}/health.toml"
"""


def test_serve_keeps_what_is_signed_and_says_what_came_when_it_stops(tmp_path: Path) -> None:
    """One line of JSON on stdout; secrets of other parts are not asked for; an end on SIGTERM."""
    mappings = Path(__file__).parents[2] / "mappings"
    config = tmp_path / "config.toml"
    config.write_text(CONFIG.format(mappings=mappings))
    (tmp_path / "hook.secret").write_text("s3cret")
    line = ["-q", "-c", str(config), "webhooks", "serve", "--port", "0"]
    with subprocess.Popen(
        [sys.executable, "-m", "connector.cli", *line],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as child:  # fmt: skip
        assert child.stdout
        assert child.stderr
        try:
            ready = json.loads(child.stdout.readline())
            hook = f"{ready['url']}nps"
            codes = [
                requests.post(f"{hook}/{secret}", json={"id": "a"}, timeout=10).status_code
                for secret in ("s3cret", "other")
            ]
        finally:
            child.send_signal(signal.SIGTERM)
        rest, said = child.stdout.read(), child.stderr.read()
    assert (ready["hooks"], codes, rest, child.returncode) == (["nps"], [200, 401], "", 0)
    assert said.splitlines() == ["nps: kept 1", "nps: refused_signature 1"]
    source = load(config).sources["hook"]
    source.look()
    assert len(source._looked) == 1
    assert source.inbox == tmp_path / "data" / "inbox"
