"""Connector: a connection to a CRM, with its mappings, credentials and life cycle (contract: Resources)."""

from __future__ import annotations

from reconciler.emulator.errors import Problem, conflict, invalid
from reconciler.emulator.fields import Choice, Doc, Integer, ListOf, MapOf, Member, Record, Text, optional
from reconciler.emulator.kind import DESCRIPTION, NAME, SECRET_MASK, Kind, Sampling

READABLE_CREDENTIALS = frozenset({"username", "tokenEndpoint", "clientId", "headerName"})
"""Credentials that are read back as they are; every other one is write-only."""

MOVES = {
    "DRAFT": frozenset({"ACTIVE", "INACTIVE"}),
    "ACTIVE": frozenset({"INACTIVE"}),
    "INACTIVE": frozenset({"ACTIVE"}),
    "ERROR": frozenset({"ACTIVE", "INACTIVE"}),
}
"""Life cycle status → statuses that a PATCH may move it to."""

DIRECTIONS = ("INBOUND", "OUTBOUND", "BIDIRECTIONAL")

_URL = Text(1, 2048, r"https?://[A-Za-z0-9._-]+(?::[0-9]{1,5})?(?:[/?#][!-~]*)?", "must be an http or https URL")
_WORD = Text(1, 255)

_AUTHENTICATION = Record(
    {
        "type": Member(Choice(("BASIC", "OAUTH2", "API_KEY")), required=True),
        "credentials": Member(
            MapOf(Text(1, 128), Text(0, 65_536)),
            required=True,
            description="username, tokenEndpoint, clientId and headerName are read back; all others are write-only",
        ),
    }
)

_MAPPING = Record(
    {
        "cxoneField": Member(_WORD, required=True),
        "crmField": Member(_WORD, required=True),
        "direction": Member(Choice(DIRECTIONS), required=True),
        "transformation": Member(Text(0, 4096)),
    }
)

_SYNC_SETTINGS = Record(
    {
        "batchSize": optional(Integer(1, 100_000), 500),
        "retryAttempts": optional(Integer(0, 100), 3),
        "syncIntervalMinutes": optional(Integer(1, 525_600), 15),
    }
)


def _default_sync_settings() -> Doc:
    settings: Doc = _SYNC_SETTINGS.accept({}, "", [])
    return settings


def _check(doc: Doc) -> list[Problem]:
    problems: list[Problem] = []
    for field in ("cxoneField", "crmField"):
        seen: dict[str, int] = {}
        for index, mapping in enumerate(doc["mappings"]):
            first = seen.setdefault(mapping[field], index)
            if first != index:
                text = f"{mapping[field]!r} is mapped by mappings[{first}] already"
                problems.append(Problem(f"mappings[{index}].{field}", text))
    return problems


def _restore_masked(doc: Doc, stored: Doc | None) -> list[Problem]:
    problems: list[Problem] = []
    credentials = doc["authentication"]["credentials"]
    kept = stored["authentication"]["credentials"] if stored else {}
    for key, value in credentials.items():
        if key in READABLE_CREDENTIALS or value != SECRET_MASK:
            continue
        if key in kept:
            credentials[key] = kept[key]
        else:
            problems.append(Problem(f"authentication.credentials.{key}", "is the mask, but no value is stored"))
    return problems


def _guard_create(doc: Doc) -> None:
    if doc["lifecycleStatus"] != "DRAFT":
        raise invalid([Problem("lifecycleStatus", "must be DRAFT when a connector is created")])


def _guard_update(old: Doc, new: Doc, _counters: Doc) -> None:
    before, after = old["lifecycleStatus"], new["lifecycleStatus"]
    if after != before and after not in MOVES[before]:
        text = f"a connector can't move from {before} to {after}"
        raise conflict("INVALID_TRANSITION", text, [Problem("lifecycleStatus", text)])


def _present(doc: Doc) -> Doc:
    credentials = {
        key: value if key in READABLE_CREDENTIALS else SECRET_MASK
        for key, value in doc["authentication"]["credentials"].items()
    }
    return doc | {"authentication": doc["authentication"] | {"credentials": credentials}}


_SYSTEMS = {
    "SALESFORCE": ("salesforce", "https://{tenant}.my.salesforce.com/services/data/v60.0"),
    "DYNAMICS": ("dynamics", "https://{tenant}.crm4.dynamics.com/api/data/v9.2"),
    "CUSTOM": ("crm", "https://crm.{tenant}.example.com/api"),
}
_FIELD_PAIRS = (
    ("customerPhone", "Phone"),
    ("customerEmail", "Email"),
    ("customerName", "FullName"),
    ("accountNumber", "AccountNumber"),
    ("lastContactTime", "LastActivityDate"),
    ("preferredLanguage", "Language"),
    ("caseNumber", "CaseNumber"),
    ("loyaltyTier", "Tier"),
)


def _sample_authentication(sampling: Sampling, tenant: str) -> Doc:
    random = sampling.random
    secret = f"{random.getrandbits(128):032x}"
    return random.choice(
        [
            {"type": "BASIC", "credentials": {"username": f"svc-{tenant}", "password": secret}},
            {
                "type": "OAUTH2",
                "credentials": {
                    "tokenEndpoint": f"https://login.{tenant}.example.com/oauth/token",
                    "clientId": f"cxone-{tenant}",
                    "clientSecret": secret,
                },
            },
            {"type": "API_KEY", "credentials": {"headerName": "X-Api-Key", "apiKey": secret}},
        ]
    )


def _sample(sampling: Sampling) -> Doc:
    random = sampling.random
    connector_type = random.choice(list(_SYSTEMS))
    system, url = _SYSTEMS[connector_type]
    region = random.choice(("emea", "amer", "apac"))
    team = random.choice(("support", "sales", "billing", "onboarding"))
    pairs = random.sample(_FIELD_PAIRS, random.randint(2, len(_FIELD_PAIRS)))
    mappings = []
    for cxone_field, crm_field in pairs:
        mapping = {"cxoneField": cxone_field, "crmField": crm_field, "direction": random.choice(DIRECTIONS)}
        if mapping["direction"] == "BIDIRECTIONAL":
            mapping["transformation"] = "trim"
        mappings.append(mapping)
    tenant = f"{team}-{region}"
    return {
        "name": f"{system}-{tenant}-{sampling.index:05d}",
        "description": f"{system.capitalize()} records for {team} in {region.upper()}",
        "connectorType": connector_type,
        "endpointUrl": url.format(tenant=tenant),
        "authentication": _sample_authentication(sampling, tenant),
        "mappings": mappings,
        "version": f"{random.randint(1, 3)}.{random.randint(0, 9)}.{random.randint(0, 9)}",
        "lifecycleStatus": random.choice(("DRAFT", "ACTIVE", "ACTIVE", "ACTIVE", "INACTIVE")),
        "syncSettings": {
            "batchSize": random.choice((100, 250, 500)),
            "retryAttempts": random.randint(1, 5),
            "syncIntervalMinutes": random.choice((5, 15, 30, 60)),
        },
    }


KIND = Kind(
    name="Connector",
    id_prefix="c",
    collection="/api/v2/crm/connectors",
    read_scopes=frozenset({"crm:connectors:read"}),
    write_scopes=frozenset({"crm:connectors:write"}),
    record=Record(
        {
            "name": Member(NAME, required=True),
            "description": DESCRIPTION,
            "connectorType": Member(Choice(("CUSTOM", "SALESFORCE", "DYNAMICS")), required=True),
            "endpointUrl": Member(_URL, required=True),
            "authentication": Member(_AUTHENTICATION, required=True),
            "mappings": Member(ListOf(_MAPPING), default=list, description="no field may occur twice on its side"),
            "version": Member(Text(5, 64, r"[0-9]+\.[0-9]+\.[0-9]+", "must look like 1.0.0"), required=True),
            "lifecycleStatus": optional(
                Choice(tuple(MOVES)), "DRAFT", "DRAFT when created; ERROR is set by the server only"
            ),
            "syncSettings": Member(_SYNC_SETTINGS, default=_default_sync_settings),
        }
    ),
    versioned=True,
    check=_check,
    restore_masked=_restore_masked,
    guard_create=_guard_create,
    guard_update=_guard_update,
    present=_present,
    sample=_sample,
    share=30,
)
