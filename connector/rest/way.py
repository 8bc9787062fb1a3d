"""How an address is reached from this machine: through which proxy, and whom to trust there.

The environment says it as everywhere: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, and
REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE for a proxy that signs with a certificate of its own.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..errors import ConfigError

BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@dataclass(frozen=True, slots=True)
class Way:
    """A proxy or "", what it wants to be told, and settings of a pool that say whom to trust."""

    proxy: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    trust: Mapping[str, str] = field(default_factory=dict)

    def pool(self, **settings: Any) -> Any:
        """A pool of connections that goes this way."""
        import urllib3

        settings |= self.trust
        if not self.proxy:
            return urllib3.PoolManager(**settings)
        return urllib3.ProxyManager(self.proxy, proxy_headers=dict(self.headers), **settings)


def way_to(url: str) -> Way:
    """What the environment says of an address."""
    from requests.utils import get_environ_proxies, select_proxy

    told = select_proxy(url, get_environ_proxies(url)) or ""
    return Way(*_proxy(told), _trust()) if told else Way(trust=_trust())


def _proxy(told: str) -> tuple[str, dict[str, str]]:
    """The address without a password, and the header that has it."""
    from requests.utils import get_auth_from_url
    from urllib3.util import make_headers

    address = told if "://" in told else f"http://{told}"
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigError(
            f"A proxy of the environment is none that speaks HTTP ({parts.scheme}).",
            hint="Set HTTPS_PROXY to http://HOST:PORT, or name our host in NO_PROXY.",
        )
    user, password = get_auth_from_url(address)
    headers = make_headers(proxy_basic_auth=f"{user}:{password}") if user else {}
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", dict(headers)


def _trust() -> dict[str, str]:
    """Certificates that count instead of the usual ones."""
    name = next((each for each in BUNDLES if os.environ.get(each)), "")
    if not name:
        return {}
    bundle = Path(os.environ[name])
    if not bundle.exists():
        raise ConfigError(
            f"{name} names {bundle}, and there is no such file or folder.",
            hint="Correct it, or take it out of the environment.",
        )
    return {"ca_cert_dir" if bundle.is_dir() else "ca_certs": str(bundle)}
