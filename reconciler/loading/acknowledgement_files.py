"""Reads the files of acknowledgements: their errors at their places, and the entries that come out."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from reconciler.core.acknowledge import Acknowledgement, code_of, form_error
from reconciler.core.diagnostic import Diagnostic, PathParts
from reconciler.core.guard_codes import GUARDS
from reconciler.loading.acknowledgement_model import AcknowledgementsFile, EntryModel
from reconciler.loading.findings import Findings
from reconciler.loading.guard_files import validated
from reconciler.loading.guard_rules import ACKNOWLEDGEMENT_FILE
from reconciler.loading.moments import expiry
from reconciler.loading.project import Project
from reconciler.loading.suggest import did_you_mean
from reconciler.loading.yaml_document import Document


def read_acknowledgement_files(
    documents: Sequence[Document], project: Project, written: Collection[str]
) -> tuple[tuple[Acknowledgement, ...], tuple[Diagnostic, ...]]:
    """The entries of all files, and what is wrong with them; ``written`` are the codes of the project's own guards."""
    findings = Findings()
    entries: list[Acknowledgement] = []
    for document in documents:
        model = validated(AcknowledgementsFile, document, findings, ACKNOWLEDGEMENT_FILE, "acknowledgements")
        for index, item in enumerate(model.spec.acknowledgements if model is not None else ()):
            path: PathParts = ("spec", "acknowledgements", index)
            _check(item, document, path, findings, project, written)
            entries.append(_entry(item, document, path))
    return tuple(entries), findings.finish()


def _entry(item: EntryModel, document: Document, path: PathParts) -> Acknowledgement:
    return Acknowledgement(
        item.accepts,
        item.reason,
        item.by,
        expiry(item.expires, item.timezone),
        item.change or "",
        tuple(item.fields),
        tuple(item.targets),
        document.mark(path),
    )


def _check(
    item: EntryModel,
    document: Document,
    path: PathParts,
    findings: Findings,
    project: Project,
    written: Collection[str],
) -> None:
    """Find what could never accept anything."""
    freezes = [freeze.name for freeze in project.guards.freezes]
    wrong = form_error(item.accepts, written)
    if wrong is not None:
        codes = {*written, *(rule.code for rule in GUARDS)}
        fix = did_you_mean(item.code, codes) if code_of(item.accepts) not in codes else _subject(item.code, wrong[0])
        message = (
            wrong[0] if code_of(item.accepts) not in codes or "cannot" in wrong[0] else f"{item.code} names too little"
        )
        findings.add(ACKNOWLEDGEMENT_FILE, message, document, (*path, "code"), fix=fix)
    elif item.freeze is not None and item.freeze not in freezes:
        fix = did_you_mean(item.freeze, freezes, what="freezes") or "declare it in spec.guards.freezes"
        findings.add(ACKNOWLEDGEMENT_FILE, f"there is no freeze {item.freeze}", document, (*path, "freeze"), fix=fix)
    for index, name in enumerate(item.targets):
        if name not in project.targets:
            fix = did_you_mean(name, project.targets, what="targets")
            findings.add(
                ACKNOWLEDGEMENT_FILE, f"there is no target {name}", document, (*path, "targets", index), fix=fix
            )


def _subject(code: str, message: str) -> str:
    """Which key an entry lacks, from the form that the command line takes."""
    if "=N" in message:
        return f"{code} takes `count`"
    if ":NAME" in message:
        return f"{code} takes `freeze`"
    return f"{code} takes `key`" if "Kind/name" in message else f"{code} takes no key, count or freeze"
