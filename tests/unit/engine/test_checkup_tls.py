"""What the check-up says of the way to a tenant: a certificate's expiry, whom it trusts, and plain HTTP."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from reconciler.engine.checkup_tls import SOON_DAYS, check_tls, loopback
from reconciler.engine.finding import Finding
from reconciler.loading.project import AuthSettings, Target
from reconciler.loading.project_file import load_project
from tests.support.cxone import closed_port

NOW = datetime.now(UTC)


@contextmanager
def secured(root: Path, days: int) -> Iterator[str]:
    """A server with a certificate that is good for so many days, and its authority in ``ca.pem``; gives its URL."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(root / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", not_after=NOW + timedelta(days=days, hours=1)).configure_cert(context)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(connection, server_side=True) as stream:
                    stream.recv(1)
            except OSError:
                connection.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def look(root: Path, url: str, **settings: object) -> list[Finding]:
    return check_tls(root, Target("prod", url, "file:x", **settings), NOW)  # type: ignore[arg-type]


def test_a_certificate_with_its_expiry(tmp_path: Path) -> None:
    with secured(tmp_path, 400) as url:
        (found,) = look(tmp_path, url, ca_file="ca.pem")
    assert (found.state, found.subject, found.fix) == ("ok", "TLS", "")
    assert found.message.startswith("TLSv1.3 with 127.0.0.1, certificate good until ")
    assert found.message.endswith(f"{NOW + timedelta(days=400, hours=1):%Y-%m-%d} (400 days)")


def test_authorities_that_the_machine_has_outside_of_the_project(tmp_path: Path) -> None:
    text = f"""{{url: "https://127.0.0.1", tls: {{caFile: {tmp_path / "ca.pem"}}}}}"""
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "reconciler.yaml").write_text(
        "apiVersion: cxone.reconciler/v1\nkind: Project\nmetadata: {name: desk}\n"
        f"spec: {{targets: {{prod: {text}}}}}\n",
        encoding="utf-8",
    )
    target = load_project(tmp_path / "project").target("prod")
    with secured(tmp_path, 400) as url:
        (found,) = look(tmp_path / "project", url, ca_file=target.ca_file)
    assert found.state == "ok"


def test_one_that_expires_soon(tmp_path: Path) -> None:
    with secured(tmp_path, SOON_DAYS - 1) as url:
        (found,) = look(tmp_path, url, ca_file="ca.pem")
    assert (found.state, found.fix) == ("warn", "have the certificate renewed")


@pytest.mark.parametrize(("days", "ca_file", "said"), [(400, "", "not trusted"), (-1, "ca.pem", "expired")])
def test_one_that_is_not_to_be_trusted(tmp_path: Path, days: int, ca_file: str, said: str) -> None:
    with secured(tmp_path, days) as url:
        (found,) = look(tmp_path, url, ca_file=ca_file)
    assert found.state == "FAIL"
    assert said in found.message
    assert "tls.caFile" in found.fix


def test_nobody_there_and_no_ca_file(tmp_path: Path) -> None:
    with closed_port() as port:
        (found,) = look(tmp_path, f"https://127.0.0.1:{port}")
    assert (found.state, found.message) == ("FAIL", f"127.0.0.1:{port} cannot be reached")
    (found,) = look(tmp_path, "https://127.0.0.1:9", ca_file="none.pem")
    assert found.state == "FAIL"
    assert "none.pem" in found.message


def test_plain_http(tmp_path: Path) -> None:
    (found,) = look(tmp_path, "http://127.0.0.1:8080")
    assert (found.state, found.message) == ("ok", "plain HTTP on loopback (127.0.0.1)")
    (found,) = look(tmp_path, "http://crm.example.com")
    assert found.state == "warn"
    assert "can be read" in found.message
    assert found.fix == "write https:// in spec.targets.prod"


def test_the_token_endpoint_has_a_line_of_its_own_where_it_is_elsewhere(tmp_path: Path) -> None:
    found = look(tmp_path, "http://127.0.0.1:1", auth=AuthSettings(url="http://login.example.com"))
    assert [item.state for item in found] == ["ok", "warn"]
    assert len(look(tmp_path, "http://127.0.0.1:1", auth=AuthSettings(url="http://127.0.0.1:1"))) == 1


def test_what_is_not_looked_at(tmp_path: Path) -> None:
    (found,) = look(tmp_path, "emulator:")
    assert (found.state, found.message) == ("ok", "not needed: the emulator is embedded")
    (found,) = look(tmp_path, "https://crm.example.com", proxy="http://user:hunter2@proxy:1")
    assert found.state == "ok"
    assert "hunter2" not in found.message


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("a.localhost", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("10.0.0.1", False),
        ("localhost.example.com", False),
        ("", False),
    ],
)
def test_loopback(host: str, expected: bool) -> None:
    assert loopback(host) is expected
