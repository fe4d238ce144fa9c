"""Secret providers. Vault's binary is not at hand, so that its HTTP API (KV v2) is served by a few lines of our own."""

import pytest

from reconciler.core.values import Secret
from reconciler.errors import SecretUnavailable
from reconciler.loading.secrets import PROVIDERS, SecretResolver, problem
from tests.support.loopback import Reply, loopback_server


def test_environment_variables(tmp_path):
    resolver = SecretResolver(tmp_path, {"TOKEN": "s3cr3t", "EMPTY": ""})
    assert resolver.resolve(Secret("env:TOKEN")).reveal() == "s3cr3t"
    assert not resolver.resolve(Secret("env:OTHER")).resolved
    assert not resolver.resolve(Secret("env:EMPTY")).resolved


def test_each_secret_is_looked_up_once(tmp_path):
    (tmp_path / "token").write_text("first")
    resolver = SecretResolver(tmp_path, {})
    assert resolver.resolve(Secret("file:token")).reveal() == "first"
    (tmp_path / "token").write_text("second")
    assert resolver.resolve(Secret("file:token")).reveal() == "first"


def test_a_secret_that_is_known_stays_as_it_is(tmp_path):
    known = Secret("env:TOKEN", "old")
    assert SecretResolver(tmp_path, {"TOKEN": "new"}).resolve(known) is known


def test_files_whole_and_by_key(tmp_path):
    (tmp_path / "plain").write_text("abc\n")
    (tmp_path / "keys.json").write_text('{"password": "xyz", "number": 5}')
    resolver = SecretResolver(tmp_path, {})
    assert resolver.resolve(Secret("file:plain")).reveal() == "abc"
    assert resolver.resolve(Secret("file:keys.json#password")).reveal() == "xyz"
    assert resolver.resolve(Secret(f"file:{tmp_path}/plain")).reveal() == "abc"
    assert not resolver.resolve(Secret("file:none")).resolved


@pytest.mark.parametrize(
    "reference", ["file:keys.json#nope", "file:keys.json#number", "file:plain#key", "file:empty", "file:dir"]
)
def test_files_without_such_a_value(tmp_path, reference):
    (tmp_path / "plain").write_text("canary-value\n")
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "dir").mkdir()
    (tmp_path / "keys.json").write_text('{"password": "canary-value", "number": 5}')
    with pytest.raises(SecretUnavailable) as caught:
        SecretResolver(tmp_path, {}).resolve(Secret(reference))
    assert "canary" not in str(caught.value) + caught.value.fix
    assert caught.value.fix


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ("valt:kv/x#y", "no secret provider `valt`"),
        ("env:A-B", "named by its variable"),
        ("env:A#b", "named by its variable"),
        ("file:../x", "inside the project"),
        ("vault:kv#key", "mount, path and key"),
        ("vault:kv/path", "mount, path and key"),
    ],
)
def test_references_of_a_wrong_form(reference, says):
    message, fix = problem(reference)
    assert says in message
    assert fix


@pytest.mark.parametrize("reference", ["env:A", "file:a/b", "file:/run/secrets/a#b", "vault:kv/team/crm#key"])
def test_references_of_a_right_form(reference):
    assert problem(reference) is None
    assert reference.partition(":")[0] in PROVIDERS


TOKEN = "good-token"
KEPT = {"kv/team/crm": {"password": "hunter2", "count": 3}}


def read_kept(call):
    mount, _, path = call.path.removeprefix("/v1/").partition("/data/")
    data = KEPT.get(f"{mount}/{path}")
    if call.headers.get("x-vault-token") != TOKEN:
        return Reply(403, {"errors": ["permission denied"]})
    if path == "broken":
        return Reply(200, {"data": None})
    if path == "down":
        return Reply(503, {"errors": ["sealed"]})
    if data is None:
        return Reply(404, {"errors": []})
    return Reply(200, {"data": {"data": data, "metadata": {"version": 1}}})


@pytest.fixture
def vault():
    with loopback_server(read_kept) as server:
        yield server


def environment(server, token=TOKEN):
    return {"VAULT_ADDR": server.url, "VAULT_TOKEN": token}


def test_vault_gives_a_key_and_is_asked_once(tmp_path, vault):
    resolver = SecretResolver(tmp_path, environment(vault))
    for _ in range(2):
        assert resolver.resolve(Secret("vault:kv/team/crm#password")).reveal() == "hunter2"
    with pytest.raises(SecretUnavailable, match="no text under other"):
        resolver.resolve(Secret("vault:kv/team/crm#other"))
    assert [call.path for call in vault.calls] == ["/v1/kv/data/team/crm"]


@pytest.mark.parametrize(
    ("reference", "token", "says"),
    [
        ("vault:kv/none#a", "good-token", "no secret kv/none"),
        ("vault:kv/team/crm#password", "bad-token", "does not let this token"),
        ("vault:kv/broken#a", "good-token", "no usable answer"),
        ("vault:kv/team/crm#count", "good-token", "no text under count"),
    ],
)
def test_vault_without_such_a_value(tmp_path, vault, reference, token, says):
    with pytest.raises(SecretUnavailable, match=says) as caught:
        SecretResolver(tmp_path, environment(vault, token)).resolve(Secret(reference))
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_vault_out_of_reach(tmp_path):
    nobody = {"VAULT_ADDR": "http://127.0.0.1:9", "VAULT_TOKEN": "x"}
    assert not SecretResolver(tmp_path, {}).resolve(Secret("vault:kv/team/crm#password")).resolved
    resolver = SecretResolver(tmp_path, nobody)
    assert not resolver.resolve(Secret("vault:kv/team/crm#password")).resolved
    assert not resolver.resolve(Secret("vault:kv/team/other#password")).resolved
