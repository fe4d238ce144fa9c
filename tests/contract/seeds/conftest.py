"""A real PostgreSQL for the clients that store into one."""

from tests.support.postgres_fixtures import database, postgres

__all__ = ["database", "postgres"]
