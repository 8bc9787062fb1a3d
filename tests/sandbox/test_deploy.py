"""Deploying metadata: a zip goes in, fields and permission sets come out, and every no is told."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import requests

NS = "http://soap.sforce.com/2006/04/metadata"
SCORE = """
    <fields>
        <fullName>Health__c</fullName>
        <label>Health</label>
        <precision>4</precision>
        <scale>1</scale>
        <type>Number</type>
    </fields>"""
NUMBER_WITHOUT_SCALE = SCORE.replace("<scale>1</scale>", "")
TIER = """
    <fields>
        <fullName>Level__c</fullName>
        <label>true</label>
        <type>Picklist</type>
        <valueSet>
            <restricted>true</restricted>
            <valueSetDefinition>
                <sorted>false</sorted>
                <value><fullName>A</fullName><default>false</default><label>Good</label></value>
            </valueSetDefinition>
        </valueSet>
    </fields>"""
GRANT = """
    <label>Writer</label>
    <fieldPermissions>
        <editable>true</editable><field>Account.{field}</field><readable>true</readable>
    </fieldPermissions>"""


def document(root: str, inside: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns="{NS}">{inside}\n</{root}>'


def manifest(**types: str | list[str]) -> str:
    listed = "".join(
        f"<types>{''.join(f'<members>{m}</members>' for m in names)}<name>{kind}</name></types>"
        for kind, names in types.items()
    )
    return document("Package", f"{listed}<version>66.0</version>")


def zipped(files: dict[str, str | bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def package(*fields: str, granted: str = "", names: tuple[str, ...] = ("Health__c",)) -> bytes:
    """Fields of the account, and a permission set for one of them."""
    files: dict[str, str | bytes] = {
        "objects/Account.object": document("CustomObject", "".join(fields))
    }
    types: dict[str, str | list[str]] = {"CustomField": [f"Account.{name}" for name in names]}
    if granted:
        types["PermissionSet"] = ["Writer"]
        files["permissionsets/Writer.permissionset"] = document(
            "PermissionSet", GRANT.format(field=granted)
        )
    return zipped({"package.xml": manifest(**types), **files})


def removal(*fields: str) -> bytes:
    return zipped(
        {"package.xml": manifest(), "destructiveChanges.xml": manifest(CustomField=list(fields))}
    )


def begun(client, content: bytes, **options: Any) -> requests.Response:
    parts = {
        "json": (None, json.dumps({"deployOptions": options}), "application/json"),
        "file": ("deploy.zip", content, "application/zip"),
    }
    return client.call("POST", "/metadata/deployRequest", files=parts)


def asked(client, id_: str) -> dict[str, Any]:
    path = f"/metadata/deployRequest/{id_}?includeDetails=true"
    return client.call("GET", path).json()["deployResult"]


def deployed(client, content: bytes, **options: Any) -> dict[str, Any]:
    """The result of a deploy that has been waited for."""
    id_ = begun(client, content, **{"rollbackOnError": True, **options}).json()["id"]
    while not (result := asked(client, id_))["done"]:
        pass
    return result


def failures(result: dict[str, Any]) -> list[str]:
    return [each["problem"] for each in result["details"]["componentFailures"]]


def soap(client, operation: str, inside: str = "", *, token: str = "", version: str = "66.0"):
    body = (
        f'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:m="{NS}"><e:Header>'
        f"<m:SessionHeader><m:sessionId>{token or client.token}</m:sessionId></m:SessionHeader>"
        f"</e:Header><e:Body><m:{operation}>{inside}</m:{operation}></e:Body></e:Envelope>"
    )
    return requests.post(
        f"{client.url}/services/Soap/m/{version}",
        data=body.encode(),
        headers={"Content-Type": "text/xml", "SOAPAction": operation},
        timeout=10,
    )


def said(answer: requests.Response, name: str) -> list[str | None]:
    body = ET.fromstring(answer.content)[-1]
    return [each.text for each in body.iter(f"{{{NS}}}{name}")]


# what is made


def test_a_deployed_field_is_a_field(client, store):
    """Type, precision and label are those of the file."""
    assert deployed(client, package(SCORE))["status"] == "Succeeded"
    made = store.fields("Account")["Health__c"]
    assert (made.type, made.precision, made.scale, made.label) == ("double", 4, 1, "Health")


def test_a_picklist_has_its_values_and_a_label_stays_text(client, store):
    """`<label>true</label>` is a word, `<restricted>true</restricted>` is not."""
    deployed(client, package(TIER, names=("Level__c",)))
    made = store.fields("Account")["Level__c"]
    assert (made.choices, made.restricted, made.label) == (("A",), True, "true")


def test_a_deployed_field_is_seen_by_nobody(client):
    """Until a permission set shows it."""
    deployed(client, package(SCORE))
    told = client.call("GET", "/sobjects/Account/describe").json()["fields"]
    assert "Health__c" not in {each["name"] for each in told}


def test_a_deployed_permission_set_shows_the_field_to_whom_it_is_assigned(client, store):
    """Field permissions are rows like any others."""
    deployed(client, package(SCORE, granted="Health__c"))
    found = client.query("SELECT Id FROM PermissionSet WHERE Name = 'Writer'")["records"][0]
    user = client.query("SELECT Id FROM User")["records"][0]["Id"]
    body = {"PermissionSetId": found["Id"], "AssigneeId": user}
    client.call("POST", "/sobjects/PermissionSetAssignment", json=body)
    told = client.call("GET", "/sobjects/Account/describe").json()["fields"]
    assert next(each for each in told if each["name"] == "Health__c")["updateable"]


def test_a_permission_set_is_what_its_file_says_and_no_more(client):
    """A field that is no longer in the file is no longer granted."""
    both = package(SCORE, TIER, granted="Health__c", names=("Health__c", "Level__c"))
    deployed(client, both)
    deployed(client, package(TIER, granted="Level__c", names=("Level__c",)))
    rows = client.query("SELECT Field FROM FieldPermissions")["records"]
    assert [each["Field"] for each in rows] == ["Account.Level__c"]


def test_object_permissions_are_rows(client):
    """Reading and changing accounts, as the file says."""
    inside = (
        "<label>Writer</label><objectPermissions><allowCreate>false</allowCreate>"
        "<allowEdit>true</allowEdit><allowRead>true</allowRead><object>Account</object>"
        "</objectPermissions>"
    )
    files = {"permissionsets/Writer.permissionset": document("PermissionSet", inside)}
    deployed(client, zipped({"package.xml": manifest(PermissionSet=["Writer"]), **files}))
    soql = "SELECT SobjectType, PermissionsEdit, PermissionsCreate FROM ObjectPermissions"
    (row,) = client.query(soql)["records"]
    assert (row["SobjectType"], row["PermissionsEdit"], row["PermissionsCreate"]) == (
        "Account",
        True,
        False,
    )


def test_a_second_deploy_changes_nothing(client):
    """Every component says that it is as it was."""
    deployed(client, package(SCORE, granted="Health__c"))
    again = deployed(client, package(SCORE, granted="Health__c"))
    assert not any(each["changed"] for each in again["details"]["componentSuccesses"])


def test_a_field_grows_by_a_second_deploy(client, store):
    """Its values stay."""
    deployed(client, package(SCORE))
    deployed(client, package(SCORE.replace("<precision>4<", "<precision>6<")))
    assert store.fields("Account")["Health__c"].precision == 6


def test_other_types_are_taken_and_listed(client):
    """A component of a page is kept by name; `listMetadata` tells of it."""
    content = zipped(
        {
            "package.xml": manifest(LightningComponentBundle=["healthCard"]),
            "lwc/healthCard/healthCard.js": "export default 1",
        }
    )
    assert deployed(client, content)["status"] == "Succeeded"
    queries = "<m:queries><m:type>LightningComponentBundle</m:type></m:queries>"
    assert said(soap(client, "listMetadata", queries), "fullName") == ["healthCard"]


def test_a_package_in_a_folder_of_the_zip_is_found(client, store):
    """As older tools pack it."""
    with zipfile.ZipFile(io.BytesIO(package(SCORE))) as archive:
        inside = {f"unpackaged/{name}": archive.read(name) for name in archive.namelist()}
    assert deployed(client, zipped(dict(inside)))["success"]
    assert "Health__c" in store.fields("Account")


# what is not


def test_a_failure_names_file_line_type_and_reason(client):
    """As the vendor's tools show it to the developer."""
    (failure,) = deployed(client, package(NUMBER_WITHOUT_SCALE))["details"]["componentFailures"]
    assert (failure["fileName"], failure["fullName"], failure["componentType"]) == (
        "objects/Account.object",
        "Account.Health__c",
        "CustomField",
    )
    assert (failure["problemType"], failure["lineNumber"]) == ("Error", 3)
    assert "Must specify 'scale'" in failure["problem"]


def test_one_bad_component_takes_all_back(client, store):
    """With `rollbackOnError` nothing stays."""
    content = package(TIER, NUMBER_WITHOUT_SCALE, names=("Level__c", "Health__c"))
    assert deployed(client, content)["status"] == "Failed"
    assert "Level__c" not in store.fields("Account")


def test_without_rollback_the_good_components_stay(client, store):
    """And the deploy says that it succeeded in part."""
    content = package(TIER, NUMBER_WITHOUT_SCALE, names=("Level__c", "Health__c"))
    assert deployed(client, content, rollbackOnError=False)["status"] == "SucceededPartial"
    assert "Level__c" in store.fields("Account")


def test_a_check_leaves_nothing(client, store):
    """`checkOnly` tells what would happen."""
    assert deployed(client, package(SCORE), checkOnly=True)["status"] == "Succeeded"
    assert "Health__c" not in store.fields("Account")


def test_a_type_is_not_changed(client, store):
    """A number with data in it does not become a picklist."""
    deployed(client, package(SCORE))
    other = TIER.replace("Level__c", "Health__c")
    (problem,) = failures(deployed(client, package(other)))
    assert "Cannot change the type" in problem
    assert store.fields("Account")["Health__c"].type == "double"


@pytest.mark.parametrize(
    ("field", "problem"),
    [
        ("Nope__c", "no CustomField named Account.Nope__c found"),
        ("Name", "You cannot deploy to a required field: Account.Name"),
    ],
)
def test_a_permission_for_what_cannot_have_one_fails(client, field, problem):
    """In the words that every admin has met."""
    grant = document("PermissionSet", GRANT.format(field=field))
    files = {"permissionsets/Writer.permissionset": grant}
    content = zipped({"package.xml": manifest(PermissionSet=["Writer"]), **files})
    assert problem in failures(deployed(client, content))[0]


def test_what_the_manifest_names_must_be_there(client):
    """A forgotten file is a failure, not a success of nothing."""
    content = zipped({"package.xml": manifest(CustomField=["Account.Health__c"])})
    assert "was not found in zipped directory" in failures(deployed(client, content))[0]


def test_what_the_manifest_does_not_name_is_not_made(client, store):
    """A file too many is a failure."""
    content = package(SCORE, TIER)
    assert failures(deployed(client, content)) == ["Not in package.xml"]
    assert "Level__c" not in store.fields("Account")


def test_an_unknown_type_is_refused_by_name(client):
    """A typing error in the manifest."""
    content = zipped({"package.xml": manifest(CustomFeild=["Account.Health__c"])})
    assert failures(deployed(client, content)) == [
        "Unknown type name 'CustomFeild' specified in package.xml"
    ]


@pytest.mark.parametrize("content", [b"PK nonsense", zipped({"readme.txt": "hello"})])
def test_what_is_no_package_fails(client, content):
    """Neither a broken zip nor one without a manifest."""
    assert deployed(client, content)["status"] == "Failed"


def test_entities_are_not_expanded(client, store):
    """A document type is refused with its line; nothing is read from the machine."""
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><CustomObject>&b;</CustomObject>'
    files = {"package.xml": manifest(), "objects/Account.object": bomb}
    assert failures(deployed(client, zipped(dict(files)))) == [
        "Error parsing file: a document type is not taken"
    ]


@pytest.mark.parametrize("right", ["CustomizeApplication", "ModifyMetadata"])
def test_without_the_right_there_is_no_deploy(client, right):
    """The daily integration user has neither."""
    client.control("POST", "rights", json={right: False})
    answer = begun(client, package(SCORE))
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (403, "INSUFFICIENT_ACCESS")


# removing


def test_a_field_goes_only_by_destructive_changes(client, store):
    """A file that does not mention it leaves it alone."""
    deployed(client, package(SCORE))
    deployed(client, package(TIER, names=("Level__c",)))
    assert "Health__c" in store.fields("Account")
    result = deployed(client, removal("Account.Health__c"))
    assert result["details"]["componentSuccesses"][0]["deleted"]
    assert "Health__c" not in store.fields("Account")


@pytest.mark.parametrize(("ignored", "status"), [(True, "Succeeded"), (False, "Failed")])
def test_removing_what_is_not_there_is_a_warning(client, ignored, status):
    """Which is as bad as an error, unless warnings are ignored."""
    assert deployed(client, removal("Account.Gone__c"), ignoreWarnings=ignored)["status"] == status


def test_a_standard_field_is_not_removed(client, store):
    """Not even by destructive changes."""
    deployed(client, removal("Account.Industry"))
    assert "Industry" in store.fields("Account")


# the course of a deploy


def test_a_deploy_takes_its_time(client, store):
    """Pending, then in progress, then done; before that nothing is there."""
    id_ = begun(client, package(SCORE)).json()["id"]
    first = asked(client, id_)
    assert (first["status"], first["done"]) == ("InProgress", False)
    assert "Health__c" not in store.fields("Account")
    assert asked(client, id_)["done"]


def test_a_deploy_is_cancelled_before_it_is_done(client, store):
    """And afterwards it is too late."""
    path = f"/metadata/deployRequest/{begun(client, package(SCORE)).json()['id']}"
    body = {"deployResult": {"status": "Canceling"}}
    assert client.call("PATCH", path, json=body).json()["deployResult"]["status"] == "Canceled"
    assert client.call("PATCH", path, json=body).status_code == 400
    assert "Health__c" not in store.fields("Account")


def test_details_come_when_asked_for(client):
    """A poll is short."""
    id_ = begun(client, package(SCORE)).json()["id"]
    answer = client.call("GET", f"/metadata/deployRequest/{id_}").json()
    assert answer["deployResult"]["details"] is None


def test_an_unknown_deploy_is_not_found(client):
    """Of another org, perhaps."""
    answer = client.call("GET", "/metadata/deployRequest/0Af000000000001AAA")
    assert answer.status_code == 404


# SOAP


def test_soap_deploys_the_same_package(client, store):
    """The older interface, the same code behind it."""
    packed = base64.b64encode(package(SCORE)).decode()
    options = "<m:DeployOptions><m:rollbackOnError>true</m:rollbackOnError></m:DeployOptions>"
    (id_,) = said(soap(client, "deploy", f"<m:ZipFile>{packed}</m:ZipFile>{options}"), "id")
    poll = f"<m:asyncProcessId>{id_}</m:asyncProcessId><m:includeDetails>true</m:includeDetails>"
    states = [said(soap(client, "checkDeployStatus", poll), "status")[0] for _ in range(2)]
    assert states == ["InProgress", "Succeeded"]
    assert "Health__c" in store.fields("Account")


def test_read_metadata_gives_back_what_was_deployed(client):
    """Type and values of a picklist."""
    deployed(client, package(TIER, names=("Level__c",)))
    asked_for = "<m:type>CustomField</m:type><m:fullNames>Account.Level__c</m:fullNames>"
    answer = soap(client, "readMetadata", asked_for)
    assert said(answer, "type") == ["Picklist"]
    assert "A" in said(answer, "fullName")


def test_describe_metadata_knows_what_an_objects_file_holds(client):
    """Fields are children of objects."""
    assert "CustomField" in said(soap(client, "describeMetadata"), "childXmlNames")


def test_a_dead_session_is_a_fault(client):
    """With the code that clients look for."""
    answer = soap(client, "describeMetadata", token="00D!dead")
    assert (answer.status_code, "sf:INVALID_SESSION_ID" in answer.text) == (500, True)


def test_an_unknown_operation_is_a_fault(client):
    """By its name."""
    assert "No operation available for request" in soap(client, "makeCoffee").text


def test_a_version_that_is_gone_is_a_fault(client):
    """As in every other interface."""
    answer = soap(client, "describeMetadata", version="30.0")
    assert "UNSUPPORTED_API_VERSION" in answer.text


def test_markup_that_is_cut_is_a_fault(client):
    """Not an internal error."""
    url = f"{client.url}/services/Soap/m/66.0"
    answer = requests.post(url, data=b"<a><b>", timeout=10)
    assert (answer.status_code, "soapenv:Client" in answer.text) == (500, True)


def test_soap_calls_count(client):
    """Against the day's allowance, like all others."""
    soap(client, "describeMetadata")
    used = client.call("GET", "/limits").headers["Sforce-Limit-Info"]
    assert used == "api-usage=2/15000"


@pytest.mark.parametrize(("version", "status"), [("66.0", 500), ("67.0", 200)])
def test_soap_takes_web_tokens_from_version_67_on(client, app, version, status):
    """REST took them earlier."""
    client.control("POST", "oauth", json={"tokens": "jwt"})
    form = {"grant_type": "client_credentials", "client_id": app["client_id"]}
    form["client_secret"] = app["client_secret"]
    answer = requests.post(f"{client.url}/services/oauth2/token", data=form, timeout=10)
    token = answer.json()["access_token"]
    assert soap(client, "describeMetadata", token=token, version=version).status_code == status


# translations

LABEL = """
    <fields>
        <name>Health__c</name><label>Zustand</label>
        <picklistValues><masterLabel>Good</masterLabel><translation>Gut</translation></picklistValues>
    </fields>"""


def translated(inside: str = LABEL, language: str = "de") -> bytes:
    """German texts for a field of the account."""
    name = f"Account-{language}"
    content = document("CustomObjectTranslation", inside)
    types = {"package.xml": manifest(CustomObjectTranslation=[name])}
    return zipped({**types, f"objectTranslations/{name}.objectTranslation": content})


def spoken(client) -> list[str | None]:
    inside = "<m:type>CustomObjectTranslation</m:type><m:fullNames>Account-de</m:fullNames>"
    return said(soap(client, "readMetadata", inside), "translation")


@pytest.fixture
def level(client) -> None:
    """A list with one value, called Good, in an org that speaks German."""
    deployed(client, package(TIER.replace("Level__c", "Health__c")))
    client.control("POST", "org", json={"translations": ["de"]})


def test_a_translation_is_kept_and_told(client, level):
    """By the label that a value has in the org's own language."""
    assert deployed(client, translated())["status"] == "Succeeded"
    assert spoken(client) == ["Gut"]
    again = deployed(client, translated())
    assert not any(each["changed"] for each in again["details"]["componentSuccesses"])


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (translated(language="fr"), "The language fr is not active"),
        (translated(LABEL.replace("Health__c", "No__c")), "no CustomField named Account.No__c"),
        (translated(LABEL.replace("Good", "Bad")), "Picklist value Bad not found"),
        (translated(LABEL.replace("Zustand", "x" * 41)), "data value too large"),
    ],
)
def test_a_translation_of_what_is_not_there_fails(client, level, content, problem):
    """Language, field, value; and a label has forty characters here, too."""
    assert problem in failures(deployed(client, content))[0]


def test_an_org_that_does_not_translate_takes_and_tells_nothing(client):
    """Until the Translation Workbench is switched on."""
    deployed(client, package(SCORE))
    problem = "Not available for deploy for this organization"
    assert failures(deployed(client, translated())) == [problem]
    inside = "<m:type>CustomObjectTranslation</m:type><m:fullNames>Account-de</m:fullNames>"
    assert soap(client, "readMetadata", inside).status_code == 500


def test_metadata_is_read_by_those_who_may_change_it(client, level):
    """The daily integration user may not."""
    client.control("POST", "rights", json={"ModifyMetadata": False})
    assert b"INSUFFICIENT_ACCESS" in soap(client, "readMetadata", "<m:type>x</m:type>").content
