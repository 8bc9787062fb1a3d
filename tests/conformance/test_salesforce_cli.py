"""The sandbox through the vendor's own command line."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from connector.crm.salesforce import sfdx
from connector.mapping.document import parse
from connector.mapping.objects import CrmMapping

from .conftest import MODULES, Node, Org

MAPPING = Path(__file__).parents[2] / "mappings" / "salesforce.toml"


@dataclass(frozen=True)
class Cli:
    """`sf` in a home of its own; where it signed in, that is its org."""

    node: Node

    def plain(self, *words: str, **more: str) -> str:
        """What a command shows to a person."""
        ended = self.node.run(str(MODULES / ".bin" / "sf"), *words, **more)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def ask(self, *words: str, fails: bool = False, **more: str) -> Any:
        """What a command tells to a program."""
        ended = self.node.run(str(MODULES / ".bin" / "sf"), *words, "--json", **more)
        told = json.loads(ended.stdout)
        assert (told["status"] != 0) == fails, told
        return told if fails else told["result"]

    def file(self, name: str, text: str = "") -> Path:
        """A file where the command runs."""
        path = self.node.home / name
        path.write_text(text)
        return path


@pytest.fixture(scope="module")
def sf(org: Org, node: Node) -> Cli:
    """Signed in by JWT as the integration user, under the name `org`."""
    cli = Cli(node)
    key = cli.file("key.pem", org.keys["private_key"])
    words = ["--username", org.keys["username"], "--client-id", org.keys["client_id"]]
    words += ["--jwt-key-file", str(key), "--instance-url", org.url, "--alias", "org"]
    found = cli.ask("org", "login", "jwt", *words, "--set-default")
    assert (found["username"], found["orgId"]) == (org.keys["username"], org.keys["org_id"])
    return cli


def test_an_access_token_signs_in(org, node, tmp_path):
    """The CLI looks up by itself whose token it is."""
    words = ["org", "login", "access-token", "--no-prompt", "--instance-url", org.url]
    found = Cli(Node(tmp_path)).ask(*words, SF_ACCESS_TOKEN=org.token())
    assert (found["username"], found["orgId"]) == (org.keys["username"], org.keys["org_id"])
    assert not Node(tmp_path).log.exists()


def test_a_query_is_a_table_for_people(org, sf):
    """With the columns that the org tells of, parents by their path."""
    shown = sf.plain("data", "query", "-q", "SELECT Id, Owner.Name FROM Account LIMIT 3")
    assert "OWNER.NAME" in shown
    assert "Total number of records retrieved: 3." in shown


def test_a_query_is_json_for_programs(org, sf):
    """More than a page of it."""
    org.store.insert("Contact", ["LastName"], [(f"Page {n}",) for n in range(2_500)])
    found = sf.ask("data", "query", "-q", "SELECT Id FROM Contact")
    assert len({each["Id"] for each in found["records"]}) == org.count("Contact") > 2_500


def test_a_wrong_query_fails_by_name(sf):
    """With the code of the org's answer."""
    told = sf.ask("data", "query", "-q", "SELECT Nope FROM Account", fails=True)
    assert told["data"]["errorCode"] == "INVALID_FIELD"


def test_an_object_is_described(sf):
    """Field by field."""
    fields = {e["name"]: e for e in sf.ask("sobject", "describe", "-s", "Account")["fields"]}
    assert fields["Customer_Number__c"]["externalId"]


def test_limits_are_listed(sf):
    """Each with what is left of it."""
    limits = {each["name"]: each for each in sf.ask("org", "list", "limits")}
    assert limits["DailyApiRequests"]["max"] == 15_000
    assert limits["DailyApiRequests"]["remaining"] < 15_000


def test_a_bulk_export_writes_every_row(org, sf):
    """As CSV, to a file."""
    soql = "SELECT Id, Name FROM Account"
    words = ["--output-file", "accounts.csv", "-r", "csv", "-w", "1"]
    sf.ask("data", "export", "bulk", "-q", soql, *words)
    with (sf.node.home / "accounts.csv").open(newline="") as file:
        rows = {each["Id"]: each["Name"] for each in csv.DictReader(file)}
    assert rows == {id_: row["Name"] for id_, row in org.held("Name").items()}


def test_a_bulk_update_changes_every_row(org, sf):
    """From a CSV file, by a job that is waited for."""
    ids = sorted(org.held("Name"))[:250]
    lines = ["Id,NumberOfEmployees", *(f"{each},42" for each in ids)]
    sf.file("changes.csv", "\n".join(lines) + "\n")
    done = sf.ask("data", "update", "bulk", "-s", "Account", "-f", "changes.csv", "-w", "1")
    assert (done["processedRecords"], done["failedRecords"]) == (250, 0)
    held = org.held("NumberOfEmployees")
    assert {held[each]["NumberOfEmployees"] for each in ids} == {42}


def test_a_bulk_update_that_fails_in_part_says_so(org, sf):
    """The CLI counts the rows that failed and ends with an error."""
    good, bad = sorted(org.held("Name"))[:2]
    sf.file("mixed.csv", f"Id,NumberOfEmployees\n{good},43\n{bad},many\n")
    words = ["data", "update", "bulk", "-s", "Account", "-f", "mixed.csv", "-w", "1"]
    told = sf.ask(*words, fails=True)
    assert "failed to process 1 records" in told["message"]
    assert org.held("NumberOfEmployees")[good]["NumberOfEmployees"] == 43


@pytest.fixture(scope="module")
def project(sf: Cli) -> CrmMapping:
    """The source folder that we write for the shipped mapping, where the CLI runs."""
    mapping, problems = parse(MAPPING.read_text(), str(MAPPING), CrmMapping)
    assert mapping is not None, problems
    sfdx.export(mapping, sf.node.home)
    return mapping


def deployed(sf: Cli, **more: str) -> Any:
    """The CLI's own way of sending a source folder."""
    folders = [each for each in ("force-app", "translations") if (sf.node.home / each).is_dir()]
    words = [word for each in folders for word in ("--source-dir", each)]
    return sf.ask("project", "deploy", "start", *words, **more)


def test_an_org_that_does_not_translate_refuses_the_translations_alone(sf, project):
    """They are a package of their own, so that the rest can be deployed without them."""
    words = ["--source-dir", str(sf.node.home / "force-app"), "--dry-run"]
    assert sf.ask("project", "deploy", "start", *words)["status"] == "Succeeded"
    told = sf.ask("project", "deploy", "start", "--source-dir", "translations", fails=True)
    assert "Not available for deploy" in json.dumps(told["result"]["files"])


def test_our_fields_and_permission_sets_are_deployed(org, sf, project):
    """The source folder becomes fields that the writer may write, by SOAP and again by REST."""
    org.control("org", {"translations": ["de"]})
    done = deployed(sf)
    ours = {field.target for field in project.fields if field.target.endswith("__c")}
    assert (done["status"], ours <= org.store.fields("Account").keys()) == ("Succeeded", True)
    names = {each["Name"] for each in org.held("Name", object="PermissionSet").values()}
    assert sfdx.WRITER in names
    opened = org.held("SobjectType", "PermissionsEdit", object="ObjectPermissions").values()
    edited = {each["SobjectType"] for each in opened if each["PermissionsEdit"]}
    assert edited == {"Account"}
    assert {"Contact", "Case", "Opportunity"} <= {each["SobjectType"] for each in opened}
    words = org.store.db.execute("select body from translations where field = 'Health_Trend__c'")
    assert json.loads(words.fetchone()[0])["values"]["Up"] == "Steigend"
    again = deployed(sf, SF_ORG_METADATA_REST_DEPLOY="true")
    assert {each["state"] for each in again["files"]} == {"Unchanged"}


def test_what_was_deployed_is_retrieved(sf, project):
    """Into another folder, field by field, and deployed again it changes nothing."""
    ours = sorted(field.target for field in project.fields if field.target.endswith("__c"))
    wanted = [f"CustomField:Account.{each}" for each in ours] + [f"PermissionSet:{sfdx.WRITER}"]
    words = [word for each in wanted for word in ("--metadata", each)]
    target = sf.node.home / "fetched"
    told = sf.ask("project", "retrieve", "start", *words, "--output-dir", str(target))
    assert (told["status"], told["success"]) == ("Succeeded", True)
    fields = {each.name for each in target.rglob("*.field-meta.xml")}
    assert fields == {f"{each}.field-meta.xml" for each in ours}
    assert [each.name for each in target.rglob("*.permissionset-meta.xml")] == [
        f"{sfdx.WRITER}.permissionset-meta.xml"
    ]
    again = sf.ask("project", "deploy", "start", "--source-dir", str(target))
    assert {each["state"] for each in again["files"]} == {"Unchanged"}


def test_what_is_not_there_is_not_retrieved(sf, project):
    """The CLI warns, and names it."""
    words = ["--metadata", "CustomField:Account.Nowhere__c"]
    told = sf.ask("project", "retrieve", "start", *words)
    assert "Account.Nowhere__c" in json.dumps(told)
    assert not list((sf.node.home / "force-app").rglob("Nowhere__c*"))


def test_a_wrong_field_is_shown_with_file_and_reason(sf, project):
    """What the org says to one component, beside the file that it came from."""
    folder = sf.node.home / "force-app/main/default/objects/Account/fields"
    wrong = folder / "Wrong__c.field-meta.xml"
    wrong.write_text(
        f'<CustomField xmlns="{sfdx.NAMESPACE}"><fullName>Wrong__c</fullName>'
        "<label>Wrong</label><type>Number</type><precision>40</precision><scale>0</scale>"
        "</CustomField>"
    )
    words = ["project", "deploy", "start", "--source-dir", str(wrong)]
    told = sf.ask(*words, fails=True)
    (failed,) = [each for each in told["result"]["files"] if each["state"] == "Failed"]
    assert (failed["fullName"], failed["filePath"]) == ("Account.Wrong__c", str(wrong))
    assert "precision" in failed["error"]


def test_nothing_reaches_beyond_this_machine(sf, tmp_path):
    """The guard notes and refuses every connection to elsewhere; after all this it noted none."""
    watched = Node(tmp_path)
    ended = watched.run("node", "-e", "require('net').connect(443, '192.0.2.1')")
    assert (ended.returncode, watched.log.read_text().split()[0]) == (1, "192.0.2.1")
    assert not sf.node.log.exists()
