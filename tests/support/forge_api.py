"""``gh`` for workflows in tests: the calls that generated pipelines make, on the forge's state file."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jq


def main(arguments: Sequence[str], state_file: str) -> int:
    """Carry out one invocation; the answer goes to stdout."""
    path = Path(state_file)
    state = json.loads(path.read_bytes())
    if arguments[:2] == ["auth", "setup-git"]:
        return 0
    if not os.environ.get("GH_TOKEN"):
        print("gh: set the GH_TOKEN environment variable", file=sys.stderr)
        return 4
    if arguments[:2] == ["run", "download"]:
        return _download(arguments[2:], state)
    if arguments[:1] == ["api"]:
        return _api(arguments[1:], state, path)
    raise SystemExit(f"gh: unknown command {arguments}")


def _download(arguments: Sequence[str], state: Mapping[str, Any]) -> int:
    run, options = arguments[0], dict(zip(arguments[1::2], arguments[2::2], strict=True))
    artifacts = next(item["artifacts"] for item in state["runs"] if str(item["id"]) == run)
    if options["--name"] not in artifacts:
        print("no valid artifacts found to download", file=sys.stderr)
        return 1
    for name, text in artifacts[options["--name"]].items():
        target = Path(options["--dir"]) / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return 0


def _api(arguments: Sequence[str], state: dict[str, Any], path: Path) -> int:
    method, url, expression, fields, silent = "GET", "", "", {}, False
    words = iter(arguments)
    for word in words:
        if word == "--method":
            method = next(words)
        elif word == "--jq":
            expression = next(words)
        elif word == "--field":
            name, _, value = next(words).partition("=")
            value = Path(value[1:]).read_text(encoding="utf-8") if value.startswith("@") else value
            fields[name.removesuffix("[]")] = [value] if name.endswith("[]") else value
        elif word == "--silent":
            silent = True
        elif word != "--paginate":
            url = word
    parts = urlsplit(url)
    answer = _call(
        method, parts.path.removeprefix("repos/acme/contact-centre/"), dict(parse_qsl(parts.query)), fields, state
    )
    path.write_text(json.dumps(state), encoding="utf-8")
    if expression:
        for item in jq.compile(expression).input_value(answer).all():
            print(item if isinstance(item, str) else json.dumps(item))
    elif not silent:
        print(json.dumps(answer))
    return 0


def _call(method: str, path: str, query: Mapping[str, str], fields: Mapping[str, Any], state: dict[str, Any]) -> Any:
    match [method, *path.split("/")]:
        case ["GET", "issues", number, "comments"]:
            return state["comments"].get(number, [])
        case ["POST", "issues", number, "comments"]:
            made = {"id": _next(state), "body": fields["body"], "user": {"type": "Bot"}}
            state["comments"].setdefault(number, []).append(made)
            return made
        case ["PATCH", "issues", "comments", found]:
            comment = next(item for item in _comments(state) if str(item["id"]) == found)
            comment["body"] = fields["body"]
            return comment
        case ["GET", "issues"]:
            wanted = [item for item in state["issues"] if item["state"] == query["state"]]
            return [item for item in wanted if query["labels"] in item["labels"]]
        case ["POST", "issues"]:
            issue = {"number": _next(state), "state": "open", "labels": [], **fields}
            state["issues"].append(issue)
            return issue
        case ["PATCH", "issues", number]:
            issue = next(item for item in state["issues"] if str(item["number"]) == number)
            issue.update(fields)
            return issue
        case ["GET", "commits", sha, "pulls"]:
            return [
                {"number": item["number"], "merged_at": "2026-01-01T00:00:00Z", "head": {"sha": item["head"]}}
                for item in state["pulls"]
                if item["merged"] == sha
            ]
        case ["GET", "pulls"]:
            branch = query["head"].partition(":")[2]
            return [item for item in state["pulls"] if item["branch"] == branch and item["state"] == query["state"]]
        case ["POST", "pulls"]:
            number = len(state["pulls"]) + 1
            made = {"number": number, "branch": fields["head"], "head": "", "repo": "acme/contact-centre"}
            state["pulls"].append({**made, "merged": None, "state": "open", "title": fields["title"]})
            return made
        case ["GET", "actions", "workflows", workflow, "runs"]:
            found = [
                item for item in state["runs"] if item["workflow"] == workflow and item["head"] == query["head_sha"]
            ]
            return {"workflow_runs": [{"id": item["id"]} for item in reversed(found)]}
    raise SystemExit(f"gh: unknown call {method} {path}")


def _comments(state: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for found in state["comments"].values():
        yield from found


def _next(state: dict[str, Any]) -> int:
    state["ids"] += 1
    return int(state["ids"])
