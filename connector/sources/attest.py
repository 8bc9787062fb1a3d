"""Attest: market research among a panel, which tells nothing about an account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from ..errors import Malformed
from ..protocols import Progress, Spool
from ..rest.line import Line, Signed
from ..secrets import Secret


@dataclass(slots=True)
class Source:
    """Needs a key (API & MCP in Attest's settings) and the id of a study.

    Who answers is a member of Attest's panel and no customer of yours: there is no key that could
    lead to an account, and a name that happens to be the same would be a wrong one. So nothing is
    read into any stream; `connector check` proves that key and study are right.
    """

    token: Secret
    study: str
    url: str = "https://api.askattest.com"
    overlap: timedelta = timedelta(0)
    name: str = field(default="attest", init=False)
    streams: tuple[str, ...] = field(default=(), init=False)
    sure: str = field(default="partly", init=False)
    _line: Line = field(init=False, repr=False)

    def __post_init__(self) -> None:
        signer = Signed("Attest", self.token, "{}", "X-API-Key")
        self._line = Line(self.url, signer, name="Attest")

    def check(self) -> None:
        """Ask what the study is, without its questions."""
        path = f"studies/{quote(self.study, safe='')}/structure"
        if not isinstance(self._line.json(path, {"node_ids": "none"}), dict):
            raise Malformed("Attest sent no study.", hint="Is `url` right?")

    def pull(
        self,
        stream: str,  # noqa: ARG002 (a source's shape)
        since: datetime | None,  # noqa: ARG002
        into: Path,  # noqa: ARG002
        progress: Progress | None = None,  # noqa: ARG002
    ) -> Spool:
        """Nothing: answers of a panel belong to no account."""
        return Spool("", 0)

    def calls(self) -> Mapping[str, int]:
        return self._line.calls
