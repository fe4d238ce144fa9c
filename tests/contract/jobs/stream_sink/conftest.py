"""PostgreSQL for the tests beside."""

from tests.support.postgres_fixtures import database, postgres

__all__ = ["database", "postgres"]
