"""The way to the server: certificates, proxies, names, redirects, and what must never go along."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trustme

from reconciler.core.values import Secret
from reconciler.errors import InvalidProject, NotSent
from tests.support.cxone import SECRET, THING, Request, Script, answer, client, in_loop, serving, target, token, wired
from tests.support.raw_server import raw_server

EMPTY = answer(200, {"items": [], "total": 0})


@dataclass
class Authority:
    """A certificate authority of the test's own, and a server's certificate signed by it."""

    ca_file: Path
    server: ssl.SSLContext


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(file)
    return Authority(file, context)


@in_loop
async def test_a_private_authority_is_believed_when_it_is_named(authority: Authority) -> None:
    script = Script([EMPTY])
    async with serving(script, authority.server) as url, wired(script, url=url, ca_file=authority.ca_file) as here:
        assert await here.client.list(THING) == []


@in_loop
async def test_an_unknown_authority_is_refused_once_and_for_all(authority: Authority) -> None:
    script = Script([EMPTY])
    async with serving(script, authority.server) as url, wired(script, url=url) as here:
        with pytest.raises(NotSent, match="certificate is not trusted") as caught:
            await here.client.list(THING)
        assert "tls.caFile" in caught.value.fix
        assert len(here.records) == 1
    assert script.asked == []


@in_loop
async def test_a_certificate_for_another_host_is_refused(tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("other.example.com").configure_cert(context)
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(file)
    script = Script([EMPTY])
    async with serving(script, context) as url, wired(script, url=url, ca_file=file) as here:
        with pytest.raises(NotSent, match=r"127\.0\.0\.1"):
            await here.client.list(THING)
    assert script.asked == []


@in_loop
async def test_the_named_authority_replaces_the_systems(authority: Authority, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    script = Script([EMPTY])
    async with serving(script, authority.server) as url, wired(script, url=url, ca_file=other) as here:
        with pytest.raises(NotSent):
            await here.client.list(THING)


@in_loop
async def test_plain_http_behind_an_https_address_is_told() -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    with raw_server(plain) as url:
        assert await _tls_fails(url, "TLS") == 1


@in_loop
async def test_a_server_that_leaves_while_tls_is_set_up_is_told() -> None:
    async def leaving(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.transport.abort()

    with raw_server(leaving) as url:
        assert await _tls_fails(url, "while TLS was being set up") > 1


async def _tls_fails(url: str, said: str) -> int:
    """TLS towards a server that speaks none fails, in these words; gives how often it was tried."""
    async with wired(Script([EMPTY]), url=url.replace("http:", "https:")) as here:
        with pytest.raises(NotSent, match=said) as caught:
            await here.client.list(THING)
        assert "scheme and port" in caught.value.fix
        return len(here.records)


@pytest.mark.parametrize("content", [None, "this is no certificate"])
def test_a_useless_ca_file_is_an_error_of_the_project(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(InvalidProject, match="CA file"):
        client("https://api.example.com", ca_file=file)


@pytest.mark.parametrize(
    "proxy", ["ftp://host", "no proxy at all", "http://", "http://h:99999", "http://u:pw@h:-1", "http://a b:80"]
)
def test_a_useless_proxy_is_an_error_of_the_project(proxy: str) -> None:
    with pytest.raises(InvalidProject, match="proxy"):
        client("https://api.example.com", proxy=proxy)


def test_a_useless_proxy_is_not_repeated() -> None:
    with pytest.raises(InvalidProject) as caught:
        client("https://api.example.com", proxy="http://me:canary@h:99999")
    assert "canary" not in f"{caught.value.message} {caught.value.fix} {caught.value.__cause__}"


def test_a_path_for_no_kind_is_an_error_of_the_project() -> None:
    with pytest.raises(InvalidProject, match="Conector"):
        client("https://api.example.com", paths={"Conector": "/x"})


@dataclass
class Proxy:
    """A real forward proxy: absolute URLs for http, CONNECT tunnels for https."""

    url: str = ""
    refuse: bool = False
    heads: list[str] = field(default_factory=list)

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        self.heads.append(head)
        method, address, _ = head.split(" ", 2)
        if self.refuse:
            writer.write(b"HTTP/1.1 403 Forbidden by policy\r\ncontent-length: 0\r\n\r\n")
            writer.close()
            return
        host, _, port = (address if method == "CONNECT" else address.split("/")[2]).partition(":")
        upstream_reader, upstream_writer = await asyncio.open_connection(host, int(port))
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        else:
            path = "/" + address.split("/", 3)[3]
            upstream_writer.write(head.replace(address, path, 1).encode("latin-1"))
        await asyncio.gather(pump(reader, upstream_writer), pump(upstream_reader, writer))


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while content := await reader.read(65536):
            writer.write(content)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


@asynccontextmanager
async def proxying(*, refuse: bool = False) -> AsyncIterator[Proxy]:
    proxy = Proxy(refuse=refuse)
    server = await asyncio.start_server(proxy.connection, "127.0.0.1", 0)
    proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()


@in_loop
async def test_a_proxy_tunnels_tls_and_sees_no_token(authority: Authority) -> None:
    script = Script([EMPTY])
    async with (
        proxying() as proxy,
        serving(script, authority.server) as url,
        wired(script, url=url, ca_file=authority.ca_file, proxy=Secret("proxy", proxy.url)) as here,
    ):
        assert await here.client.list(THING) == []
    assert all(head.startswith("CONNECT 127.0.0.1:") for head in proxy.heads)
    assert "Bearer" not in "".join(proxy.heads)
    assert len(script.seen) == 1


@in_loop
async def test_a_proxy_forwards_plain_http() -> None:
    script = Script([answer(200, {"items": [], "total": 0}, {"connection": "close"})], tokens=[token()])
    async with proxying() as proxy, wired(script, proxy=proxy.url) as here:
        assert await here.client.list(THING) == []
    assert proxy.heads[0].startswith("POST http://127.0.0.1:")


@in_loop
async def test_a_proxy_that_refuses_is_not_sent(authority: Authority) -> None:
    script = Script([EMPTY])
    async with (
        proxying(refuse=True) as proxy,
        serving(script, authority.server) as url,
        wired(script, url=url, ca_file=authority.ca_file, proxy=proxy.url) as here,
    ):
        with pytest.raises(NotSent, match="the proxy refuses"):
            await here.client.create(THING, {}, idempotency_key="k")
    assert script.asked == []


@in_loop
async def test_the_environment_has_no_say(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login other password other")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    script = Script([EMPTY])
    async with wired(script) as here:
        assert await here.client.list(THING) == []
    assert script.seen[0].headers["authorization"] == "Bearer token-1"


@in_loop
async def test_a_redirect_takes_nothing_to_the_other_host() -> None:
    stolen: list[Request] = []

    async def thief(request: Request) -> bytes:
        stolen.append(request)
        return EMPTY

    async with serving(thief) as elsewhere:
        script = Script([answer(302, None, {"location": f"{elsewhere}/things"})])
        async with wired(script) as here:
            with pytest.raises(Exception, match=r"redirect to 127\.0\.0\.1"):
                await here.client.list(THING)
    assert stolen == []


@in_loop
async def test_logs_and_records_hold_no_credentials(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    script = Script([answer(401), EMPTY])
    async with wired(script) as here:
        await here.client.list(THING)
        shown = f"{here.records} {here.client.__dict__} {target('http://h')}"
    for text in (caplog.text, shown):
        assert SECRET not in text
        assert "token-1" not in text
        assert "token-2" not in text
