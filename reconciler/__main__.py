"""``python -m reconciler``: the command line."""

from reconciler.cli.main import main

main()
