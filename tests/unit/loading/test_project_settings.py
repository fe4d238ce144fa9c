"""What a project file says, as a tree to compare: what is written there, without what must not be shown."""

from __future__ import annotations

from reconciler.core.values import MASKED, Secret
from reconciler.loading.project_settings import project_settings

FILE = """\
kind: Project
metadata: {name: p}
spec:
  prune: true
  targets:
    prod:
      url: https://a.example
      proxy: http://user:pass@proxy.example
      auth:
        clientId: ${env:ID}
        clientSecret: ${secret:vault:a/b#c}
        accessKeySecret: ${env:KEY}
"""


def test_secrets_are_references_and_urls_lose_their_users() -> None:
    found = project_settings(FILE.encode())
    target = found["targets"]["prod"]
    assert (found["name"], found["prune"]) == ("p", True)
    assert target["proxy"] == "http://…@proxy.example"
    assert target["auth"] == {
        "clientId": "${env:ID}",
        "clientSecret": Secret("vault:a/b#c"),
        "accessKeySecret": Secret("env:KEY"),
    }


def test_what_is_written_out_stays_hidden() -> None:
    for text in ("hunter2", "a ${env:B}", "${nothing", "[1]", "7"):
        found = project_settings(f"spec: {{targets: {{t: {{auth: {{clientSecret: '{text}'}}}}}}}}".encode())
        assert found["targets"]["t"]["auth"]["clientSecret"] is MASKED


def test_files_of_guards_stand_below_it() -> None:
    found = project_settings(FILE.encode(), [("g.yaml", b"spec: {rules: [1]}"), ("h.yaml", b"spec: 1\n---\nspec: 2\n")])
    assert found["files"] == {"g.yaml": {"rules": [1]}, "h.yaml": [1, 2]}


def test_what_is_no_project_file_says_nothing() -> None:
    for content in (b"", b"[", b"- a", b"spec: text", b"\xff"):
        assert project_settings(content) == {}
