"""Make the picture of an HTML report from real output: the sample project is applied, the tenant and git move, plan is run.

Run as ``python -m docs.screenshot``; it needs Chromium on the PATH and writes ``docs/report.png``. Times differ from run to
run, so it is not checked in CI.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from docs.record import edit, run
from reconciler.cli.demo import sample_folder

OUT = Path(__file__).resolve().parent / "report.png"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
SIZE = {"width": 1240, "height": 1100}


LOYALTY = """\
apiVersion: cxone.reconciler/v1
kind: Connector
metadata:
  name: loyalty
  labels: {team: crm}
spec:
  description: Points and tiers of the loyalty programme
  connectorType: CUSTOM
  endpointUrl: https://loyalty.fjordline.example/v2
  version: 1.0.0
  lifecycleStatus: INACTIVE
  authentication:
    type: API_KEY
    credentials:
      headerName: X-Api-Key
      apiKey: ${secret:file:demo-secrets/crm.json#brokerApiKey}
  mappingRefs: [contact-consent]
"""
"""A connector that an action is going to use."""

REFERENCE = "    CRM_CONNECTOR_ID: ${ref:Connector/customer-crm.id}\n"


def change(project: Path) -> None:
    """Move git on: an endpoint that somebody edited in the tenant too, a column, and a connector with who refers to it."""
    replace(project / "crm" / "connectors.yaml", "/api/v3", "/api/v4")
    replace(
        project / "tables" / "claims.yaml", "    is_urgent: boolean", "    is_urgent: boolean\n    handled_by: string"
    )
    action = project / "actions" / "enrich-caller.yaml"
    replace(action, REFERENCE, f"{REFERENCE}    LOYALTY_CONNECTOR_ID: ${{ref:Connector/loyalty.id}}\n")
    replace(action, "timeoutSeconds: 10", "timeoutSeconds: 8")
    (project / "crm" / "loyalty.yaml").write_text(LOYALTY, encoding="utf-8")
    edit(project)


def replace(file: Path, old: str, new: str) -> None:
    """Change one place of a manifest."""
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def picture(page: Path, *, scheme: str = "light", out: Path = OUT) -> None:
    """Open a report and keep what a reviewer sees first."""
    path = next(found for name in BROWSERS if (found := shutil.which(name)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        view = browser.new_page(viewport=SIZE, color_scheme=scheme)  # type: ignore[arg-type]
        view.goto(page.as_uri())
        view.screenshot(path=out)
        browser.close()


def main() -> None:
    """Tell the short story and write the picture."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "contact-centre"
        shutil.copytree(sample_folder(), project, ignore=shutil.ignore_patterns(".reconciler"))
        run(project, "apply", "--yes", "--quiet")
        change(project)
        run(project, "plan", "--quiet", "--report", "html=plan.html")
        picture(project / "plan.html")


if __name__ == "__main__":
    main()
