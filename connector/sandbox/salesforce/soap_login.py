"""SOAP `login()`: refused, in the words that clients meet in orgs of these years."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

#: Older versions are gone; from the second on there is no `login()`; between, it is switched off.
FIRST, GONE_FROM = 31, 65
DISABLED = (
    "SOAP API login() is disabled by default in this org. "
    "Contact the org administrator to enable SOAP API login()."
)
GONE = (
    "The SOAP Login operation is not available in the API version specified ({version}). "
    "Refer to the documentation for supported versions."
)
FAULT = """<?xml version="1.0" encoding="UTF-8"?>\
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" \
xmlns:sf="urn:fault.partner.soap.sforce.com" \
xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body><soapenv:Fault>\
<faultcode>sf:{code}</faultcode><faultstring>{code}: {said}</faultstring><detail>\
<sf:LoginFault xsi:type="sf:LoginFault"><sf:exceptionCode>{code}</sf:exceptionCode>\
<sf:exceptionMessage>{said}</sf:exceptionMessage></sf:LoginFault></detail>\
</soapenv:Fault></soapenv:Body></soapenv:Envelope>"""


def routes() -> list[Route]:
    """The addresses of the partner and the enterprise API, where `login()` was."""
    return [
        Route(f"/services/Soap/{api}/{{version}}{more}", _login, methods=["POST"])
        for api in ("u", "c")
        for more in ("", "/{org}")
    ]


def _login(request: Request) -> Response:
    version = str(request.path_params["version"])
    found = re.fullmatch(r"(\d\d)(\.0)?", version)
    if found is None or int(found[1]) < FIRST:
        return _fault("UNSUPPORTED_API_VERSION", "Invalid Api version specified on URL")
    gone = int(found[1]) >= GONE_FROM
    return _fault("INVALID_OPERATION", GONE.format(version=version) if gone else DISABLED)


def _fault(code: str, said: str) -> Response:
    headers = {"Content-Type": "text/xml;charset=UTF-8"}
    return Response(FAULT.format(code=code, said=said), status_code=500, headers=headers)
