"""``reconciler`` and ``python -m reconciler``: the command line, stopped in good order from its first moment on."""

import sys


def run() -> None:
    """Run the command line. Ctrl-C while it is still being imported ends it as it does later, without a traceback."""
    try:
        from reconciler.cli.main import main
    except KeyboardInterrupt:
        sys.exit(130)
    main()


if __name__ == "__main__":
    run()
