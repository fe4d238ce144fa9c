"""A sink among others that use the same tables: what somebody else holds for a moment is tried again, and said by its name."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from tests.support.sink import event
from tests.support.sink_project import KEY, Setting, setting

RAISING = """
CREATE SEQUENCE attempts;
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF nextval('attempts') <= 2 THEN RAISE EXCEPTION 'not now' USING ERRCODE = '{state}'; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refuse BEFORE INSERT ON events FOR EACH STATEMENT EXECUTE FUNCTION refuse();
"""


def prepared(here: Setting, database: str, *statements: str) -> None:
    """Let the sink make its tables, and change something about the database then."""
    here.run("--until-idle", "0.2").ok()
    with psycopg.connect(database, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("40P01", "a deadlock with another transaction"),
        ("40001", "another transaction changed the same rows"),
        ("57014", "the statement was cancelled"),
    ],
)
def test_a_batch_that_gives_way_is_written_again(tmp_path: Path, database: str, state: str, said: str) -> None:
    with setting(tmp_path, database) as here:
        prepared(here, database, RAISING.format(state=state))
        here.tenant.publish([event("a", duration=7)])
        ran = here.run("--until-idle", "0.5", "--format", "json").ok()
        assert here.account(ran) == here.account(ran) | {"accepted": 1, "pending": 0}
        assert here.stored()["a"][1] == 7
        assert ran.err.count(said) == 1, "it is said once, not for each attempt"
        assert f"not now [{state}]" in ran.err
        assert "away" not in ran.err
        assert "is back" not in ran.err


def test_a_lock_that_somebody_holds_is_waited_for(tmp_path: Path, database: str) -> None:
    with setting(tmp_path, database) as here:
        name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
        prepared(here, database, f"ALTER DATABASE {name} SET lock_timeout = '50ms'")
        here.tenant.publish([event("a", duration=7)])
        with psycopg.connect(database) as other:
            other.execute("LOCK TABLE events")
            process = here.project.spawn("run", KEY, "--max-events", "1")
            assert process.stderr is not None
            told = ""
            while "a lock" not in told:
                line = process.stderr.readline()
                assert line, told
                told += line
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, told + err
        assert "somebody holds a lock" in told
        assert "[55P03]" in told
        assert "away" not in told + err
        assert here.stored()["a"][1] == 7
        assert "1 accepted" in out
