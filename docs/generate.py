"""Write what is generated: JSON Schemas, the pages of kinds, the command reference; with ``--check``, only compare.

Run as ``python -m docs.generate``. The check also follows every relative link of the hand-written pages.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#\s]+)")

COMPLETION = [
    "## Completion in the shell",
    "",
    "Commands, options, targets, keys, kinds and codes are completed; keys come from the manifests or, where a command is about",
    "what is owned, from the ledger. One line in the shell's own start file does it:",
    "",
    "| shell | file | line |",
    "| --- | --- | --- |",
    '| bash (4.4 or newer) | `~/.bashrc` | `eval "$(_RECONCILER_COMPLETE=bash_source reconciler)"` |',
    '| zsh | `~/.zshrc` | `eval "$(_RECONCILER_COMPLETE=zsh_source reconciler)"` |',
    "| fish | `~/.config/fish/completions/reconciler.fish` | `_RECONCILER_COMPLETE=fish_source reconciler \\| source` |",
    "",
]


CODES = {
    "A": "proving who one is",
    "F": "files of plans",
    "G": "guards, what a plan may not do unasked",
    "H": "talking to the tenant",
    "J": "jobs",
    "L": "ledgers and their locks",
    "M": "manifests, what validation finds offline",
    "P": "projects and what they refer to",
    "S": "stale, because something moved",
    "U": "how a command was called",
    "X": "this machine",
}
"""What the first letter of a code says."""


def cli_page() -> str:
    """The command reference: what ``--help`` says of every command, 100 columns wide."""
    from reconciler.cli.main import COMMANDS, cli

    parts = [
        "# Commands",
        "",
        "Generated from the commands' own help; `make generated` writes it anew. Every option can be given by the environment,",
        "too: `RECONCILER_<OPTION>` for every command that has it, `RECONCILER_<COMMAND>_<OPTION>` for one command alone; what stands",
        "on the command line comes first. Where `RECONCILER_FORMAT` names a format that only other commands have, a command keeps",
        "its own (`-v` says so).",
        "",
    ]
    parts += COMPLETION
    root = click.Context(cli, info_name="reconciler")
    for name in COMMANDS:
        command = cli.get_command(root, name)
        assert command is not None
        parts += _section(command, click.Context(command, info_name=name, parent=root, max_content_width=100), 2)
    return "\n".join(parts).rstrip() + "\n"


def _section(command: click.Command, context: click.Context, level: int) -> list[str]:
    context.terminal_width = 100
    lines = [f"{'#' * level} {context.command_path}", "", "```text", command.get_help(context).rstrip(), "```", ""]
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            lines += _section(inner, click.Context(inner, info_name=name, parent=context), level + 1)
    return lines


def errors_page() -> str:
    """Every code with what it means and what to do, as `reconciler explain CODE` says it."""
    from reconciler.cli.advice import ADVICE
    from reconciler.cli.explain import all_rules

    parts = [
        "# Errors and codes",
        "",
        "Generated from what raises them; `reconciler explain CODE` says the same on a terminal. A project's own guards have codes that",
        "begin with `P-`, and are explained the same way.",
        "",
    ]
    rules = all_rules()
    for initial in sorted({code[0] for code in rules}, key=lambda letter: (letter in "GM", letter)):
        parts += [f"## {initial}: {CODES[initial]}", ""]
        for code, rule in rules.items():
            if code[0] == initial:
                about = [rule.explanation, ADVICE.get(code, "")]
                parts += [f"### {code}", "", f"**{plain(rule.title)}.** {plain(' '.join(filter(None, about)))}", ""]
    return "\n".join(parts).rstrip() + "\n"


def plain(text: str) -> str:
    """Text whose angle brackets and expressions Markdown shows as they are."""
    return re.sub(r"<", "&lt;", text).replace("*", "\\*")


def tour_page() -> str:
    """The README's tour as a page of its own, with links as they are from here."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    tour = text.partition("## Five-minute tour\n")[2].partition("\n## ")[0].strip()
    return f"# Five-minute tour\n\n{tour.replace('](docs/', '](').replace('](manifests/README.md)', '](manifests/README.md)')}\n"


def generated() -> dict[Path, str]:
    """Every generated file with its content."""
    from reconciler.cli.schema import generated_files

    files = {ROOT / path: text for path, text in generated_files().items()}
    files[ROOT / "docs" / "cli.md"] = cli_page()
    files[ROOT / "docs" / "errors.md"] = errors_page()
    files[ROOT / "docs" / "tour.md"] = tour_page()
    return files


def broken_links() -> list[str]:
    """Relative links in Markdown files that lead nowhere."""
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages
        for target in LINK.findall(page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]


def main() -> int:
    """Write or check; returns the exit code."""
    check = "--check" in sys.argv[1:]
    stale = []
    for path, text in generated().items():
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(str(path.relative_to(ROOT)))
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    links = broken_links()
    for item in stale:
        click.echo(f"{'stale' if check else 'written'}: {item}", err=True)
    for item in links:
        click.echo(f"broken link: {item}", err=True)
    if check and stale:
        click.echo("run `make generated` and commit what it writes", err=True)
    return 1 if links or (check and stale) else 0


if __name__ == "__main__":
    sys.exit(main())
