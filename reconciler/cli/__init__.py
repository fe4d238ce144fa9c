"""The command line: one file a command, and the only home of click and of exit codes."""
