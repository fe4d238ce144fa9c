"""``reconciler doctor``: is everything in place to work with a target? One line each, with the fix."""

from __future__ import annotations

import click

from reconciler.cli.common import Settings, document, printable, standard_options


@click.command(epilog="\b\nExamples:\n  reconciler doctor\n  reconciler doctor -t prod --format json\n")
@standard_options(formats=("text", "json"))
def command(settings: Settings) -> int:
    """Check project, manifests, ledger, TLS, token, scopes, clock, collections, databases; exits 1 if anything fails."""
    import orjson

    from reconciler.engine.checkup import Listener, examine

    findings = examine(settings.directory, settings.target, Listener(settings.debug, settings.verbose))
    if settings.format == "json":
        document(orjson.dumps([item.to_json() for item in findings], option=orjson.OPT_INDENT_2).decode())
    else:
        width = max(len(item.subject) for item in findings)
        lines = []
        for item in findings:
            lines.append(f"{item.state:4}  {item.subject:{width}}  {printable(item.message)}")
            if item.fix:
                lines.append(f"{'':4}  {'':{width}}  help: {printable(item.fix)}")
        document("\n".join(lines))
    return 1 if any(item.state == "FAIL" for item in findings) else 0
