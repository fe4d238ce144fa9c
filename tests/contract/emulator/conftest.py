"""One emulator for the tests of a module, emptied before each of them."""

from tests.support.emulator_fixtures import api, emulator, server

__all__ = ["api", "emulator", "server"]
