"""Tests stay on this machine."""

from __future__ import annotations

import socket

import pytest


def test_a_connection_to_elsewhere_is_refused():
    """192.0.2.1 is nobody's address; the attempt ends before a packet is sent."""
    with socket.socket() as outward, pytest.raises(AssertionError, match="would connect"):
        outward.connect(("192.0.2.1", 443))
