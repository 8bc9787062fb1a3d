"""connector sources"""

from __future__ import annotations

from .options import Options, group


@group()
def sources(options: Options) -> None:
    """Show which systems can be read besides the CRM."""


@sources.part
def list(options: Options) -> None:
    """List the types of sources: what each brings, and how sure we are of it.

    verified: the platform's documentation or working code was read whole. partly: some of it.
    inferred: check it against your own account before you rely on it.
    """
    from ..config import supported
    from ..report import terminal
    from .talk import answer

    found = supported()
    answer(options, {"sources": found}, terminal.sources(found))
