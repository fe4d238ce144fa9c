"""Planning a tenant in which nothing changed, against `terraform plan` of as many local resources.

The emulator runs in its own process and is spoken to over HTTP; the first apply fills it. "Cold" is without the parse cache,
"warm" with it. Where Terraform is not installed, the figures recorded in docs/performance.md are the reference.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import urllib.request
import uuid
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from generate import write_project
from measure import Run, median, run, store, table

COMMAND = [sys.executable, "-m", "reconciler"]
RECORDED = {1_000: (4.7, 258.0), 5_000: (21.0, 776.0), 10_000: (47.0, 1410.0)}
SECRETS = {"BENCH_PASSWORD": "not-a-secret", "RECONCILER_PLUGIN": ""}


@contextmanager
def emulator():
    """A server process of its own on a free port; yields its URL."""
    process = subprocess.Popen([*COMMAND, "emulator", "--page-size", "500"], stdout=subprocess.PIPE, text=True)
    try:
        yield json.loads(process.stdout.readline())["url"]
    finally:
        process.terminate()
        process.wait(10)


def ours(count: int, times: int) -> tuple[Run, Run, int]:
    """Plans of a project with ``count`` resources, cold and warm; and the requests that one of them makes."""
    with tempfile.TemporaryDirectory() as folder, emulator() as url:
        project = Path(folder)
        write_project(project, count, url)
        done = run([*COMMAND, "apply", "-C", folder, "--yes", "-q"], env=SECRETS)
        assert done.code == 0, done.stderr[-2000:]
        plan = [*COMMAND, "plan", "-C", folder, "--detailed-exitcode", "-q"]
        cache = project / ".reconciler" / "cache"
        colds = []
        for _ in range(times):
            shutil.rmtree(cache, ignore_errors=True)
            colds.append(run(plan, env=SECRETS))
        cold = sorted(colds, key=lambda item: item.seconds)[len(colds) // 2]
        warm = median(plan, times, env=SECRETS)
        assert cold.code == 0, (cold.code, cold.stdout[-500:], cold.stderr[-500:])
        assert warm.code == 0, (warm.code, warm.stdout[-500:])
        before = logged(url)
        run(plan, env=SECRETS)
        return cold, warm, logged(url) - before


def logged(url: str) -> int:
    """How many requests the emulator has seen, its own controls aside."""
    with urllib.request.urlopen(f"{url}/_emulator/log") as answer:
        return max((entry["seq"] for entry in json.load(answer)["requests"]), default=0)


def terraform(count: int) -> Run | None:
    """`terraform plan` of as many `terraform_data` that exist already; None where Terraform is not installed.

    The state is written as an apply would leave it: applying 10,000 of them takes Terraform many minutes.
    """
    if shutil.which("terraform") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        blocks = "".join(
            f'resource "terraform_data" "r{n}" {{\n  input = {{ name = "resource-{n}", priority = {n} }}\n}}\n'
            for n in range(count)
        )
        (Path(folder) / "main.tf").write_text(blocks)
        (Path(folder) / "terraform.tfstate").write_text(json.dumps(terraform_state(count)))
        env = {"TF_CLI_CONFIG_FILE": "", "CHECKPOINT_DISABLE": "1"}
        run(["terraform", "init", "-no-color"], cwd=Path(folder), env=env)
        done = run(["terraform", "plan", "-no-color"], cwd=Path(folder), env=env)
        assert "No changes" in done.stdout, done.stdout[-500:] + done.stderr[-500:]
        return done


def terraform_state(count: int) -> dict[str, object]:
    """Terraform's state (version 4) with ``count`` applied `terraform_data`."""
    shape = ["object", {"name": "string", "priority": "number"}]

    def resource(n: int) -> dict[str, object]:
        value = {"value": {"name": f"resource-{n}", "priority": n}, "type": shape}
        attributes = {"id": str(uuid.UUID(int=n + 1)), "input": value, "output": value, "triggers_replace": None}
        return {
            "mode": "managed",
            "type": "terraform_data",
            "name": f"r{n}",
            "provider": 'provider["terraform.io/builtin/terraform"]',
            "instances": [{"schema_version": 0, "attributes": attributes, "sensitive_attributes": []}],
        }

    return {
        "version": 4,
        "terraform_version": "1.11.0",
        "serial": 1,
        "lineage": str(uuid.UUID(int=7)),
        "outputs": {},
        "resources": [resource(n) for n in range(count)],
        "check_results": None,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=[1_000, 10_000])
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--no-terraform", action="store_true")
    options = parser.parse_args()
    rows, figures = [], {}
    for count in options.sizes:
        cold, warm, requests = ours(count, options.times)
        reference = None if options.no_terraform else terraform(count)
        if reference is not None:
            seconds, megabytes, source = reference.seconds, reference.megabytes, "measured"
        else:
            seconds, megabytes = RECORDED.get(count, (0.0, 0.0))
            source = "recorded"
        rows.append(
            (
                f"{count:,}",
                cold.seconds,
                warm.seconds,
                cold.cpu,
                warm.cpu,
                f"{cold.megabytes:.0f}",
                requests,
                f"{seconds:.1f} ({source})" if seconds else "–",
                f"{megabytes:.0f}" if seconds else "–",
                f"{seconds / cold.seconds:.1f}" if seconds else "–",
                f"{seconds / warm.seconds:.1f}" if seconds else "–",
            )
        )
        figures[count] = {
            "cold": cold.seconds,
            "warm": warm.seconds,
            "cold cpu": cold.cpu,
            "warm cpu": warm.cpu,
            "mb": cold.megabytes,
            "requests": requests,
            "terraform": seconds,
        }
    header = (
        "resources",
        "cold s",
        "warm s",
        "cold CPU s",
        "warm CPU s",
        "MB",
        "requests",
        "terraform s",
        "terraform MB",
        "× cold",
        "× warm",
    )
    table("Plan, nothing changed", header, rows)
    store("plan", figures)


if __name__ == "__main__":
    main()
