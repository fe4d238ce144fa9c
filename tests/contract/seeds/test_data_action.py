"""The client that deploys an action and tries it out, and the action that asks a CRM (contract: DataAction).

The deploying client and the action are written anew, by what the contract's sources do: a token for every call, asked
for in JSON with Basic credentials beside it; a bundle of three files; null for outputs that are unset. The action
requires axios and zod of the tenant. Small stand-ins for the two, in ``modules/``, are what it gets here, so that no
registry is needed; ``ACTION_MODULES`` may name a folder with the real ones.
"""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import urllib.parse
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from tests.support.emulator import RunningEmulator, running_emulator
from tests.support.loopback import Call, Reply, loopback_server

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed: actions can't run here")

HERE = Path(__file__).parent
MODULES = Path(os.environ.get("ACTION_MODULES") or HERE / "modules")
ACTIONS = "/api/v2/data/actions"
SCOPE = "data:actions:write data:actions:execute"

DECLARED: dict[str, Any] = {
    "name": "crm-contact-enrichment",
    "description": "Reads the caller's record in the CRM",
    "inputs": {
        "properties": {"externalId": {"type": "string"}, "phoneNumber": {"type": "string"}},
        "required": ["externalId"],
    },
    "outputs": {
        "properties": {
            "crmRecordId": {"type": "string"},
            "customerTier": {"type": "string"},
            "lastInteractionDate": {"type": "string", "format": "date-time"},
            "enrichmentSuccess": {"type": "boolean"},
            "errorDetails": {"type": "string"},
        }
    },
    "runtime": "nodejs18",
}

ADA = {"id": "R-1", "attributes": {"tier": "gold", "last_interaction": "2026-01-02T03:04:05Z"}}


@dataclass
class Crm:
    """A CRM on loopback: its contacts, the tokens it has given, answers to give first, and what it was asked."""

    url: str = ""
    contacts: dict[str, Any] = field(default_factory=lambda: {"C-1": ADA, "C-2": {"id": "R-2"}})
    first: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    token_requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    reads: int = 0

    def answer(self, call: Call) -> Reply:
        """Give a token for a form that was posted, and a contact for ``GET /contacts/{id}``."""
        if call.method == "POST":
            self.token_requests.append((call.headers["content-type"], dict(urllib.parse.parse_qsl(call.body.decode()))))
            self.tokens.append(f"crm-{len(self.tokens) + 1}")
            return Reply(200, {"access_token": self.tokens[-1], "expires_in": 3600})
        self.reads += 1
        if self.first:
            status, headers = self.first.pop(0)
            return Reply(status, {}, headers)
        if not self.tokens or call.headers.get("authorization") != f"Bearer {self.tokens[-1]}":
            return Reply(401, {})
        contact = self.contacts.get(urllib.parse.unquote(call.path.rpartition("/")[2]))
        return Reply(404, {}) if contact is None else Reply(200, contact)


@pytest.fixture
def crm() -> Iterator[Crm]:
    found = Crm()
    with loopback_server(found.answer) as server:
        found.url = server.url
        yield found


@pytest.fixture
def tenant(crm: Crm, tmp_path: Path) -> Iterator[RunningEmulator]:
    file = tmp_path / "crm.env"
    lines = {"ID": "enricher", "SECRET": "canary-crm"}
    text = "".join(f"CRM_CLIENT_{name}={value}\n" for name, value in lines.items())
    file.write_text(f"{text}CRM_TOKEN_URL={crm.url}/oauth/token\nCRM_API_BASE_URL={crm.url}\n")
    with running_emulator(action_modules=MODULES, action_env=file) as running:
        yield running


class Deployer:
    """Deploys the action and executes it, with a token of its own for each."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http

    def token(self) -> str:
        pair = {"client_id": "local", "client_secret": "local-secret"}
        body = {"grant_type": "client_credentials", **pair, "scope": SCOPE}
        answer = self.http.post("/oauth/token", json=body, auth=("local", "local-secret"))
        if answer.is_error:
            raise RuntimeError(f"no token: {answer.status_code}")
        return str(answer.json()["access_token"])

    def call(self, method: str, path: str, body: Any, **headers: str) -> httpx.Response:
        headers |= {"Authorization": f"Bearer {self.token()}"}
        answer = self.http.request(method, path, json=body, headers=headers)
        if answer.is_error:
            raise RuntimeError(answer.json()["message"])
        return answer

    def deploy(self, code: str) -> str:
        """Create the action; where it is there already, bring it up to date."""
        headers = {"Authorization": f"Bearer {self.token()}"}
        answer = self.http.post(ACTIONS, json=DECLARED | {"code": code}, headers=headers)
        if answer.status_code == 201:
            return str(answer.json()["id"])
        if answer.json()["code"] != "NAME_EXISTS":
            raise RuntimeError(answer.json()["message"])
        (found,) = self.http.get(ACTIONS, params={"name": DECLARED["name"]}, headers=headers).json()["items"]
        self.call("PATCH", f"{ACTIONS}/{found['id']}", {"code": code}, **{"If-Match": f'"{found["etag"]}"'})
        return str(found["id"])

    def execute(self, id_: str, **inputs: Any) -> httpx.Response:
        return self.call("POST", f"{ACTIONS}/{id_}/execute", {"inputs": inputs})


@pytest.fixture
def deployer(tenant: RunningEmulator) -> Iterator[Deployer]:
    with httpx.Client(base_url=tenant.url, timeout=60, trust_env=False, verify=False) as http:
        yield Deployer(http)


def bundle(edit: Callable[[str], str] = str) -> str:
    """Zip the action's three files; ``edit`` changes index.js."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted((HERE / "crm_enrichment").iterdir()):
            text = file.read_text(encoding="utf-8")
            archive.writestr(file.name, edit(text) if file.name == "index.js" else text)
    return base64.b64encode(buffer.getvalue()).decode()


def test_a_contact_is_enriched(deployer: Deployer, crm: Crm) -> None:
    answer = deployer.execute(deployer.deploy(bundle()), externalId="C-1", phoneNumber="+15550199822")
    assert answer.json() == {
        "crmRecordId": "R-1",
        "customerTier": "gold",
        "lastInteractionDate": "2026-01-02T03:04:05Z",
        "enrichmentSuccess": True,
        "errorDetails": None,
    }
    ((content_type, form),) = crm.token_requests
    assert content_type.startswith("application/x-www-form-urlencoded")
    assert form == {
        "grant_type": "client_credentials",
        "client_id": "enricher",
        "client_secret": "canary-crm",
        "scope": "contacts:read",
    }
    logs = json.loads(base64.b64decode(answer.headers["x-execution-logs"]))
    assert [line["message"] for line in logs] == ["enrichment started", "enrichment done"]


def test_what_the_crm_does_not_know_is_unset(deployer: Deployer) -> None:
    found = deployer.execute(deployer.deploy(bundle()), externalId="C-2").json()
    assert (found["customerTier"], found["lastInteractionDate"]) == ("standard", None)


def test_a_second_deployment_brings_the_action_up_to_date(deployer: Deployer, tenant: RunningEmulator) -> None:
    first = deployer.deploy(bundle())
    second = deployer.deploy(bundle(lambda text: text.replace("'standard'", "'basic'")))
    assert first == second
    assert deployer.execute(second, externalId="C-2").json()["customerTier"] == "basic"
    tokens = [request for request in tenant.requests() if request["path"] == "/oauth/token"]
    assert len(tokens) == 4  # one for each deployment, one for the change, one for the execution


def test_waits_where_the_crm_asks_it_to(deployer: Deployer, crm: Crm) -> None:
    crm.first = [(429, {"Retry-After": "0"}), (429, {"Retry-After": "0"})]
    assert deployer.execute(deployer.deploy(bundle()), externalId="C-1").json()["enrichmentSuccess"] is True
    assert (crm.reads, len(crm.token_requests)) == (3, 1)


def test_a_token_that_the_crm_refuses_is_renewed(deployer: Deployer, crm: Crm) -> None:
    crm.first = [(401, {})]
    assert deployer.execute(deployer.deploy(bundle()), externalId="C-1").json()["enrichmentSuccess"] is True
    assert (crm.reads, len(crm.token_requests)) == (2, 2)


@pytest.mark.parametrize("status", [401, 429, 404, 500])
def test_a_crm_that_keeps_refusing_does_not_hold_up_the_flow(deployer: Deployer, crm: Crm, status: int) -> None:
    crm.first = [(status, {"Retry-After": "0"})] * 3
    found = deployer.execute(deployer.deploy(bundle()), externalId="C-1").json()
    assert found["enrichmentSuccess"] is False
    assert found["errorDetails"]
    assert found["crmRecordId"] is found["customerTier"] is found["lastInteractionDate"] is None


def test_messages_of_refusals_are_readable(deployer: Deployer) -> None:
    id_ = deployer.deploy(bundle())
    with pytest.raises(RuntimeError, match="externalId"):
        deployer.execute(id_, phoneNumber="+15550199822")
    with pytest.raises(RuntimeError, match="zip"):
        deployer.deploy(base64.b64encode(b"no archive").decode())


def test_an_action_that_breaks_its_promise_is_told(deployer: Deployer) -> None:
    id_ = deployer.deploy(
        bundle(lambda text: text.replace("return output;", "return {...output, enrichmentSuccess: 1};"))
    )
    with pytest.raises(RuntimeError, match="enrichmentSuccess"):
        deployer.execute(id_, externalId="C-1")
