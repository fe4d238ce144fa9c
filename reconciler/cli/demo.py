"""``reconciler demo``: the whole story, told with the real commands on the embedded emulator."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

import click

from reconciler.cli.common import Settings, document, standard_options
from reconciler.cli.demo_jobs import INGESTION, tell_jobs
from reconciler.cli.demo_story import Story
from reconciler.errors import StorageError, UsageError


@click.command(epilog="\b\nExamples:\n  reconciler demo\n  reconciler demo --keep ./demo\n")
@click.option("--keep", type=click.Path(path_type=Path), metavar="DIR", help="Leave the project in DIR, to go on with.")
@standard_options(target=False)
def command(settings: Settings, keep: Path | None) -> int:  # noqa: ARG001
    """Tell the whole story on the embedded emulator, in under a minute.

    The sample project is planned and applied; its data jobs run; somebody changes the tenant behind its back; a plan that has
    become stale, a breaking change and a mass deletion are refused. Nothing leaves this machine.
    """
    began = time.monotonic()
    if keep is not None:
        if keep.exists() and any(keep.iterdir()):
            raise UsageError(f"{keep} is not empty", fix="name a new folder")
        return _tell(_copy_sample(keep.resolve()), began, keep)
    with tempfile.TemporaryDirectory(prefix="reconciler-demo-") as folder:
        return _tell(_copy_sample(Path(folder) / "contact-centre"), began, None)


def sample_folder() -> Path:
    """The sample project: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    for candidate in (package / "_sample", package.parent / "manifests"):
        if (candidate / "reconciler.yaml").is_file():
            return candidate
    raise StorageError("the sample project is not installed", fix="install the whole package again")


def _copy_sample(folder: Path) -> Path:
    shutil.copytree(sample_folder(), folder, ignore=shutil.ignore_patterns(".reconciler"), dirs_exist_ok=True)
    return folder


def _tell(project: Path, began: float, kept: Path | None) -> int:
    story = Story(project)
    document("A contact centre in a folder: connectors, tables, an action with code, an event stream. The tenant is an")
    document("emulator inside this process; every line below is the real output of the command above it.")
    _first_apply(story)
    tell_jobs(story)
    _drift(story)
    _stale_plan(story)
    _breaking_change(story)
    _mass_deletion(story)
    document(f"\nWhat you saw, in {time.monotonic() - began:.0f} seconds")
    for title, code, right in story.seen:
        document(f"  {'ok' if right else 'NOT AS TOLD':12}exit {code:<3} {title}")
    for title, why in story.left_out:
        document(f"  {'left out':12}{'':8} {title}: {why}")
    if kept is not None:
        document(f"\nThe project is yours: cd {kept} && reconciler plan")
    else:
        document(
            "\nGo on: `reconciler init` in an empty folder, or `reconciler demo --keep DIR` to play with this one."
        )
    return 0 if all(right for _, _, right in story.seen) else 1


def _first_apply(story: Story) -> None:
    story.tell("Everything is checked before anything is sent: types, references, code, secrets.")
    story.run("manifests are checked offline", "validate", expect=0)
    story.tell("The plan: what apply would do, field by field, with the place of each manifest.")
    story.run("the plan", "plan", expect=0)
    story.tell("Apply: in dependency order; a connector is created as a draft and then activated.")
    story.run("apply creates what is missing", "apply", "--yes", expect=0, lines=2, tail=8)
    story.tell("The same again finds nothing to do.")
    story.run("the next plan is empty", "plan", "--detailed-exitcode", expect=0)


def _drift(story: Story) -> None:
    story.tell("Maria changes the connector in the web console, past git.")
    story.console(
        "edit",
        {
            "kind": "Connector",
            "name": "fjordline-crm",
            "patch": {"endpointUrl": "https://crm-test.fjordline.example/api/v3"},
            "by": "maria@console",
        },
    )
    story.run("drift says who changed what, and when", "drift", expect=2)


def _stale_plan(story: Story) -> None:
    story.tell("A plan is saved for review ...")
    story.run("a plan is saved", "plan", "--out", "plan.json", "--quiet", expect=0, lines=3, tail=1)
    story.tell(
        "... and before it is applied, Maria is faster once more. The plan is refused: nobody reviewed that state."
    )
    story.console(
        "edit",
        {
            "kind": "Connector",
            "name": "fjordline-crm",
            "patch": {"description": "Pointed at the test system for a day"},
            "by": "maria@console",
        },
    )
    story.run("a stale plan is refused, nothing is sent", "apply", "plan.json", expect=5, lines=4, tail=3)
    story.tell("Planned anew and applied, the tenant is what git says.")
    story.run("planned anew and applied", "apply", "--yes", expect=0)


def _breaking_change(story: Story) -> None:
    story.tell("The claims table holds records by now. Somebody retypes a column in the manifest.")
    if INGESTION in dict(story.left_out):
        story.console("edit", {"kind": "Dataset", "name": "claims", "patch": {"recordCount": 14}, "by": "nightly load"})
    before = story.rewrite("tables/claims.yaml", lambda text: text.replace("amount_eur: number", "amount_eur: string"))
    story.run("a breaking change of a populated table is refused", "plan", expect=6, lines=6, tail=8)
    story.rewrite("tables/claims.yaml", lambda _: before)


def _mass_deletion(story: Story) -> None:
    story.tell("A merge goes wrong and four folders are gone. With pruning on, that would delete what they declared.")
    for folder in ("actions", "jobs", "streams", "tables"):
        shutil.move(story.project / folder, story.project.parent / f".{folder}")
        (story.project / folder).mkdir()
    story.run("a mass deletion is stopped by a guard", "plan", "--prune", expect=6, lines=2, tail=7)
    for folder in ("actions", "jobs", "streams", "tables"):
        (story.project / folder).rmdir()
        shutil.move(story.project.parent / f".{folder}", story.project / folder)
    story.run("and with the folders back, all is well", "plan", "--detailed-exitcode", expect=0)
