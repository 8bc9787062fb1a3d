"""Fetching metadata: what was deployed comes back as a zip, and what is not there is named."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from xml.etree import ElementTree as ET

import pytest
import requests

NS = "http://soap.sforce.com/2006/04/metadata"
OBJECT = f"""<CustomObject xmlns="{NS}">
    <fields>
        <fullName>Health__c</fullName><label>Health</label>
        <precision>4</precision><scale>1</scale><type>Number</type>
    </fields>
    <fields>
        <fullName>Level__c</fullName><label>Level</label><type>Picklist</type>
        <valueSet>
            <restricted>true</restricted>
            <valueSetDefinition>
                <sorted>false</sorted>
                <value><fullName>A</fullName><default>false</default><label>Good</label></value>
            </valueSetDefinition>
        </valueSet>
    </fields>
</CustomObject>"""
WRITER = f"""<PermissionSet xmlns="{NS}">
    <label>Writer</label>
    <fieldPermissions>
        <editable>true</editable><field>Account.Health__c</field><readable>true</readable>
    </fieldPermissions>
</PermissionSet>"""
MANIFEST = f"""<Package xmlns="{NS}">
    <types>
        <members>Account.Health__c</members><members>Account.Level__c</members>
        <name>CustomField</name>
    </types>
    <types><members>Writer</members><name>PermissionSet</name></types>
    <version>66.0</version>
</Package>"""


def deployed(client, files):
    """The result of a deploy of these files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    parts = {
        "json": (None, json.dumps({"deployOptions": {}}), "application/json"),
        "file": ("deploy.zip", packed.getvalue(), "application/zip"),
    }
    at = "/metadata/deployRequest"
    id_ = client.call("POST", at, files=parts).json()["id"]
    looks = [client.call("GET", f"{at}/{id_}?includeDetails=true").json() for _ in range(2)]
    return looks[-1]["deployResult"]


def soap(client, operation, inside=""):
    """The answer to one operation of the metadata API."""
    body = (
        f'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:m="{NS}"><e:Header>'
        f"<m:SessionHeader><m:sessionId>{client.token}</m:sessionId></m:SessionHeader>"
        f"</e:Header><e:Body><m:{operation}>{inside}</m:{operation}></e:Body></e:Envelope>"
    )
    headers = {"Content-Type": "text/xml", "SOAPAction": operation}
    at = f"{client.url}/services/Soap/m/66.0"
    return requests.post(at, data=body.encode(), headers=headers, timeout=10)


def said(answer, name):
    """What the elements of this name say."""
    body = ET.fromstring(answer.content)[-1]
    return [each.text for each in body.iter(f"{{{NS}}}{name}")]


@pytest.fixture(autouse=True)
def fields(client):
    """Two fields, and a permission set for one of them."""
    done = deployed(
        client,
        {
            "package.xml": MANIFEST,
            "objects/Account.object": OBJECT,
            "permissionsets/Writer.permissionset": WRITER,
        },
    )
    assert done["status"] == "Succeeded"


def asked(client, *, request="retrieveRequest", more="", **types):
    """The id of a retrieve of these components."""
    listed = "".join(
        f"<m:types>{''.join(f'<m:members>{m}</m:members>' for m in names)}"
        f"<m:name>{kind}</m:name></m:types>"
        for kind, names in types.items()
    )
    inside = f"<m:apiVersion>66.0</m:apiVersion>{more}"
    inside += f"<m:unpackaged>{listed}<m:version>66.0</m:version></m:unpackaged>"
    answer = soap(client, "retrieve", f"<m:{request}>{inside}</m:{request}>")
    return said(answer, "id")[0]


def look(client, id_, more=""):
    """One look at a retrieve."""
    inside = f"<m:asyncProcessId>{id_}</m:asyncProcessId>{more}"
    return soap(client, "checkRetrieveStatus", inside)


def fetched(client, **types):
    """The files of a retrieve by name, and the problems it tells."""
    id_ = asked(client, **types)
    look(client, id_)
    answer = look(client, id_)
    packed = io.BytesIO(base64.b64decode(said(answer, "zipFile")[0]))
    with zipfile.ZipFile(packed) as archive:
        files = {each: archive.read(each).decode() for each in archive.namelist()}
    return files, said(answer, "problem")


def test_a_retrieve_is_in_progress_first_and_done_then(client):
    """The zip comes with the second look, and only once."""
    id_ = asked(client, PermissionSet=["Writer"])
    first, second, third = (look(client, id_) for _ in range(3))
    assert (said(first, "status"), said(first, "zipFile")) == (["InProgress"], [])
    assert (said(second, "status"), said(second, "success")) == (["Succeeded"], ["true"])
    assert (third.status_code, "has been deleted" in third.text) == (500, True)


def test_a_look_without_the_zip_leaves_it_there(client):
    """`includeZip` is no: whether it is done, and nothing else."""
    id_ = asked(client, PermissionSet=["Writer"], request="request")
    look(client, id_)
    without = look(client, id_, "<m:includeZip>false</m:includeZip>")
    assert (said(without, "done"), said(without, "zipFile")) == (["true"], [])
    assert len(said(look(client, id_), "zipFile")) == 1


def test_what_was_deployed_comes_back(client):
    """Deployed again it changes nothing."""
    wanted = {"CustomField": ["Account.Health__c", "Account.Level__c"], "PermissionSet": ["Writer"]}
    files, problems = fetched(client, **wanted)
    assert set(files) == {
        "unpackaged/package.xml",
        "unpackaged/objects/Account.object",
        "unpackaged/permissionsets/Writer.permissionset",
    }
    assert problems == []
    plain = {name.removeprefix("unpackaged/"): each for name, each in files.items()}
    done = deployed(client, plain)
    told = {each["fullName"]: each["changed"] for each in done["details"]["componentSuccesses"]}
    assert done["status"] == "Succeeded", done
    assert {told[each] for each in ("Account.Health__c", "Account.Level__c", "Writer")} == {False}


def test_only_the_fields_that_were_asked_for_come(client):
    """The object's file holds one of them."""
    files, _ = fetched(client, CustomField=["Account.Health__c"])
    content = files["unpackaged/objects/Account.object"]
    assert "<fullName>Health__c</fullName>" in content
    assert "Level__c" not in content


def test_a_star_is_every_permission_set_and_no_field(client):
    """Fields of standard objects are asked for by name."""
    files, problems = fetched(client, CustomField=["*"], PermissionSet=["*"])
    assert "unpackaged/permissionsets/Writer.permissionset" in files
    assert "unpackaged/objects/Account.object" not in files
    assert problems == []


def test_what_is_not_there_is_named(client):
    """The rest comes all the same."""
    names = ["Account.Health__c", "Account.Nowhere__c"]
    files, problems = fetched(client, CustomField=names, Layout=["Account-Main"], Nonsense=["x"])
    assert "unpackaged/objects/Account.object" in files
    assert problems[0] == "Entity of type 'CustomField' named 'Account.Nowhere__c' cannot be found"
    assert any("type Layout cannot be read" in each for each in problems)
    assert any("Unknown type name 'Nonsense'" in each for each in problems)


def test_an_unknown_retrieve_is_refused(client):
    """With a fault."""
    assert look(client, "09S000000000000AAA").status_code == 500


def test_metadata_is_for_those_who_may_change_it(client):
    """A user without the right is told which."""
    client.control("POST", "rights", json={"ModifyMetadata": False})
    answer = soap(client, "retrieve", "<m:retrieveRequest/>")
    assert "INSUFFICIENT_ACCESS" in answer.text
