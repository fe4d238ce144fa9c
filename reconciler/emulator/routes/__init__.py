"""The paths that the emulator serves, one module per concern; each has a function ``routes`` that gives its own."""
