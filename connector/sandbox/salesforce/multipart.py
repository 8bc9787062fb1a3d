"""Bodies of several parts, each with a content type of its own."""

from __future__ import annotations

import re
from email.message import Message
from email.parser import HeaderParser

from .errors import Refusal

_BOUNDARY = re.compile(r'boundary="?([^";]+)"?', re.IGNORECASE)


def parts(body: bytes, content_type: str) -> dict[str, bytes]:
    """The parts of a multipart body by their content type."""
    found = _BOUNDARY.search(content_type)
    if not content_type.lower().startswith("multipart/") or found is None:
        raise Refusal("INVALID_MULTIPART_REQUEST", "A multipart body is expected", status=415)
    fence = b"\r\n--" + found[1].encode("latin-1")
    # before the first fence comes a preamble, after the last one two dashes
    _, *pieces = (b"\r\n" + body).split(fence)
    sent = {}
    for piece in pieces:
        if piece.startswith(b"--"):
            break
        head, separator, content = piece.partition(b"\r\n\r\n")
        if separator:
            sent[_kind(head)] = content
    return sent


def _kind(head: bytes) -> str:
    headers: Message = HeaderParser().parsestr(head.decode("latin-1").lstrip())
    return headers.get_content_type()
