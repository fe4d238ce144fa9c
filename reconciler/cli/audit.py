"""``reconciler audit``: who changed what, when, through this tool."""

from __future__ import annotations

import click

from reconciler.cli.common import Settings, document, printable, standard_options


@click.command(epilog="\b\nExamples:\n  reconciler audit\n  reconciler audit --verify\n")
@click.option("--verify", "verifying", is_flag=True, help="Check the chain of hashes against the head in the ledger.")
@click.option("--last", type=click.IntRange(1), metavar="N", help="Only the newest N records.")
@standard_options(formats=("text", "json"))
def command(settings: Settings, verifying: bool, last: int | None) -> int:
    """Show the audit log of a target, or verify that nobody shortened or rewrote it."""
    import orjson

    from reconciler.engine.state.audit import read_audit, verify
    from reconciler.engine.state.ledger import load_ledger
    from reconciler.engine.state.store import open_store
    from reconciler.loading.project_file import load_project

    project = load_project(settings.directory)
    target = project.target(settings.target)
    store = open_store(target.ledger, project.root, target.name)
    records, problems = read_audit(store)
    if verifying:
        ledger = load_ledger(store, stack=project.stack, target=target.url)
        problems += verify(records, ledger.audit_head)
        if settings.format == "json":
            document(orjson.dumps({"ok": not problems, "records": len(records), "problems": problems}).decode())
        else:
            document("\n".join(problems) if problems else f"{len(records)} records, chain unbroken")
        return 1 if problems else 0
    shown = records[-last:] if last else records
    if settings.format == "json":
        document("\n".join(orjson.dumps(item).decode() for item in shown))
        return 0
    if not shown:
        settings.note("The audit log is empty.")
    document("\n".join(_line(item) for item in shown))
    return 0


def _line(record: dict[str, object]) -> str:
    hidden = {"seq", "at", "actor", "action", "prev", "hash"}
    details = " ".join(
        f"{key}={value}" for key, value in record.items() if key not in hidden and value not in ("", None)
    )
    return printable(f"{record['seq']:>5}  {record.get('at', '')}  {record['actor']}  {record['action']}  {details}")
