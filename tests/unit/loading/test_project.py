import pytest

from reconciler.core.values import Secret
from reconciler.errors import InvalidProject, SecretUnavailable
from reconciler.loading.credentials import credentials
from reconciler.loading.project import AuthSettings, GuardSettings, find_root
from reconciler.loading.project_file import load_project, read_project
from tests.support.binding import HEAD, write

FULL = f"""{HEAD}kind: Project
metadata: {{name: contact-centre}}
spec:
  stack: cc
  manifests: [manifests, more/here]
  prune: true
  guards: {{maxDeletes: 0, maxDeletePercent: 10, maxUpdatePercent: 12.5}}
  targets:
    prod:
      url: https://api-us-2.cxone.com/
      ledger: s3://bucket/prod
      vars: {{region: us, count: 3, nested: {{a: [1]}}}}
      patches: [targets/prod.yaml]
      apply: {{savedPlanOnly: true, planExpiresHours: 2}}
      auth:
        grant: client_credentials
        path: /api/v2/oauth2/token
        body: form
        clientId: "${{env:CXONE_CLIENT_ID}}"
        clientSecret: "${{secret:env:CXONE_CLIENT_SECRET}}"
        scopes: ["data:read"]
      api:
        paths: {{Connector: /api/v3/connectors, Dataset: "https://data.example.com/sets"}}
        pagination: {{style: offset}}
        concurrency: {{style: compare}}
      limits: {{requestsPerSecond: 20, maxConcurrency: 5}}
      tls: {{caFile: certs/ca.pem}}
      proxy: http://proxy:3128
      timeoutSeconds: 10
"""


def project_of(target, tmp_path, rest=""):
    text = f"{HEAD}kind: Project\nmetadata: {{name: p}}\nspec:\n  targets:\n    prod: {target}\n{rest}"
    return read_project(text, tmp_path)


def test_every_setting(tmp_path):
    project = read_project(FULL, tmp_path)
    assert (project.name, project.stack, project.prune) == ("contact-centre", "cc", True)
    assert project.manifests == ("manifests", "more/here")
    assert project.guards == GuardSettings(0, 10, 12.5)
    prod = project.target("prod")
    assert prod.url == "https://api-us-2.cxone.com"
    assert prod.ledger == "s3://bucket/prod"
    assert prod.variables == {"region": "us", "count": 3, "nested": {"a": [1]}}
    assert prod.patches == ("targets/prod.yaml",)
    assert (prod.apply.saved_plan_only, prod.apply.plan_expires_hours) == (True, 2)
    assert prod.auth == AuthSettings(
        path="/api/v2/oauth2/token",
        body="form",
        client_id="${env:CXONE_CLIENT_ID}",
        client_secret="${secret:env:CXONE_CLIENT_SECRET}",
        scopes=("data:read",),
    )
    assert prod.api.paths == {"Connector": "/api/v3/connectors", "Dataset": "https://data.example.com/sets"}
    assert (prod.api.pagination, prod.api.concurrency) == ("offset", "compare")
    assert (prod.limits.requests_per_second, prod.limits.max_concurrency) == (20, 5)
    assert (prod.ca_file, prod.proxy, prod.timeout_seconds) == ("certs/ca.pem", "http://proxy:3128", 10)
    assert not prod.embedded


def test_the_least_that_a_project_needs(tmp_path):
    project = read_project(f"{HEAD}kind: Project\nmetadata: {{name: p}}\n", tmp_path)
    local = project.target("local")
    assert local.embedded
    assert local.ledger == "file:.reconciler/local/"
    assert project.stack == "p"
    assert project.guards == GuardSettings(5, 30, 50)
    assert local.apply.plan_expires_hours == 24


def test_local_can_be_declared(tmp_path):
    project = read_project(
        f"{HEAD}kind: Project\nmetadata: {{name: p}}\nspec: {{targets: {{local: {{url: 'emulator:', vars: {{a: 1}}}}}}}}\n",
        tmp_path,
    )
    assert project.target("local").variables == {"a": 1}
    assert list(project.targets) == ["local"]


@pytest.mark.parametrize(
    ("url", "ok"),
    [
        ("https://api.example.com", True),
        ("https://api.example.com:8443/base/", True),
        ("http://127.0.0.1:8080", True),
        ("http://localhost:1", True),
        ("http://[::1]:1", True),
        ("'emulator:'", True),
        ("http://api.example.com", False),
        ("http://127.0.0.1.example.com", False),
        ("ftp://x", False),
        ("api.example.com", False),
        ("https://user:pass@x", False),
        ("https://x?y=1", False),
        ("https://x:99999", False),
        ("https://x:0", False),
        ("HTTPS://x", False),
        ('"https://x\\n.example"', False),
        ("'https://x/#a'", False),
        ("'https://${env:HOST}'", False),
    ],
)
def test_urls(tmp_path, url, ok):
    if ok:
        assert not project_of(f"\n      url: {url}", tmp_path).target("prod").url.endswith("/")
    else:
        with pytest.raises(InvalidProject, match=r"reconciler\.yaml:7:\d+: spec\.targets\.prod\.url"):
            project_of(f"\n      url: {url}", tmp_path)


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("{urll: 'emulator:'}", "unknown field `urll`"),
        ("{url: 'emulator:', patches: [../x]}", "inside the project"),
        ("{url: 'emulator:', tls: {caFile: ../ca.pem}}", "inside the project"),
        ("{url: 'emulator:', tls: {caFile: /etc/../ca.pem}}", "inside the project"),
        ("{url: 'emulator:', api: {pagination: {style: pages}}}", '"pages" is not allowed here: page, offset, token'),
        ("{url: 'emulator:', limits: {requestsPerSecond: 0}}", "must be above 0"),
        ("{url: 'emulator:', vars: {a: '${env:B}'}}", "variables are plain values"),
        ("{url: 'emulator:', auth: {clientSecret: canary}}", "must be one reference"),
        ("{url: 'emulator:', auth: {clientSecret: 'x${env:A}'}}", "must be one reference"),
        ("{url: 'emulator:', auth: {clientSecret: [canary]}}", "expected text, found a list"),
        ("{url: 'emulator:', ledger: here}", "does not have the form"),
        ("{url: 'emulator:', api: {paths: {Dataset: sets}}}", "neither a path such as /api/v2/items nor a URL"),
        ("{url: 'emulator:', api: {paths: {Dataset: 'ftp://x/sets'}}}", "must begin with https://"),
        ("{url: 'emulator:', auth: {path: '/token#x'}}", "holds a #"),
        ("{url: 'emulator:', auth: {path: \"/tok\\ten\"}}", "holds a blank or a control character"),
        ("{url: 'emulator:', api: {paths: {Dataset: '/a b'}}}", "holds a blank or a control character"),
        ("{url: 'emulator:', proxy: 'http://h:99999'}", "is not a URL"),
        ("{url: 'emulator:', proxy: 'h:3128'}", "does not begin with"),
        ("{url: 'emulator:', proxy: 'http://'}", "names no host"),
        ("{url: 'emulator:', proxy: 'http://me:canary@h'}", "holds a password"),
        ("{url: 'emulator:', proxy: 'http://${env:ME}:canary@h'}", "holds a password"),
        ("{url: 'emulator:', proxy: 'http://me:x${env:PW}@h'}", "holds a password"),
        ("[]", "expected a map, found a list"),
    ],
)
def test_wrong_targets(tmp_path, target, says):
    with pytest.raises(InvalidProject) as caught:
        project_of(target, tmp_path)
    assert says in caught.value.message
    assert "canary" not in caught.value.message + "".join(item.excerpt for item in caught.value.diagnostics)
    assert all(item.excerpt for item in caught.value.diagnostics)


@pytest.mark.parametrize(
    "proxy",
    [
        "http://h:3128",
        "http://me@h",
        "http://me:${secret:env:PW}@h:3128",
        "${secret:env:PROXY}",
        "http://${env:HOST}:${env:PORT}",
        "''",
    ],
)
def test_proxies(tmp_path, proxy):
    found = project_of(f"{{url: 'emulator:', proxy: {proxy if proxy == chr(39) * 2 else repr(proxy)}}}", tmp_path)
    assert found.target("prod").proxy == proxy.strip("'")


def test_all_findings_at_once_with_did_you_mean(tmp_path):
    with pytest.raises(InvalidProject) as caught:
        project_of("{url: 'emulator:', timeout: 5}", tmp_path, "  guard: {}\n  prune: yes\n")
    assert len(caught.value.diagnostics) == 3
    fixes = [item.fix for item in caught.value.diagnostics]
    assert "did you mean `guards`?" in fixes
    assert "write true, without quotes" in fixes


@pytest.mark.parametrize("text", ["", "[]", "a: [", f"{HEAD}kind: Project\n---\n{HEAD}kind: Project\n", "x"])
def test_what_is_no_project_file(tmp_path, text):
    with pytest.raises(InvalidProject):
        read_project(text, tmp_path)


def test_a_target_that_is_not_declared(tmp_path):
    with pytest.raises(InvalidProject) as caught:
        project_of("{url: 'emulator:'}", tmp_path).target("prdo")
    assert "did you mean `prod`?" in caught.value.fix


def test_the_nearest_project_upwards(tmp_path):
    write(tmp_path, {"reconciler.yaml": FULL, "a/b/c.txt": ""})
    assert find_root(tmp_path / "a" / "b") == tmp_path.resolve()
    assert load_project(start=tmp_path / "a").root == tmp_path.resolve()
    assert load_project(tmp_path).name == "contact-centre"


def test_no_project_at_all(tmp_path):
    with pytest.raises(InvalidProject) as caught:
        load_project(start=tmp_path)
    assert "reconciler init" in caught.value.fix
    with pytest.raises(InvalidProject) as caught:
        load_project(tmp_path)
    assert "reconciler init" in caught.value.fix


def test_credentials_are_resolved_on_demand(tmp_path):
    project = read_project(FULL.replace("http://proxy", "http://u:${secret:env:PW}@proxy"), tmp_path)
    environ = {"CXONE_CLIENT_ID": "me", "CXONE_CLIENT_SECRET": "s3cr3t", "PW": "pw"}
    found = credentials(project, project.target("prod"), environ)
    assert found.identity == "me"
    assert found.secret.reveal() == "s3cr3t"
    assert found.proxy == "http://u:pw@proxy:3128"
    assert "s3cr3t" not in repr(found)
    assert "pw" not in repr(found)


@pytest.mark.parametrize(
    ("environ", "error", "fix"),
    [
        ({"CXONE_CLIENT_SECRET": "x"}, InvalidProject, "set CXONE_CLIENT_ID"),
        ({"CXONE_CLIENT_ID": "x"}, SecretUnavailable, "set the environment variable CXONE_CLIENT_SECRET"),
    ],
)
def test_credentials_that_cannot_be_had(tmp_path, environ, error, fix):
    project = read_project(FULL, tmp_path)
    with pytest.raises(error) as caught:
        credentials(project, project.target("prod"), environ)
    assert caught.value.fix == fix


def test_missing_credentials_name_the_setting(tmp_path):
    project = project_of("{url: 'https://x', auth: {grant: access_key, accessKeyId: a}}", tmp_path)
    with pytest.raises(InvalidProject, match=r"no auth\.accessKeySecret"):
        credentials(project, project.target("prod"), {})


def test_access_keys_and_files(tmp_path):
    write(tmp_path, {"id": "me\n", "key": "s3cr3t\n"})
    auth = "{grant: access_key, accessKeyId: '${file:id}-${var:n}', accessKeySecret: '${file:key}'}"
    project = project_of(f"{{url: 'https://x', vars: {{n: 1}}, auth: {auth}}}", tmp_path)
    found = credentials(project, project.target("prod"), {})
    assert (found.identity, found.secret) == ("me-1", Secret("file:key", "s3cr3t"))
