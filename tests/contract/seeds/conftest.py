"""An emulator, and a real PostgreSQL for the clients that store into one."""

from tests.support.emulator_fixtures import api, emulator, server
from tests.support.postgres_fixtures import database, postgres

__all__ = ["api", "database", "emulator", "postgres", "server"]
