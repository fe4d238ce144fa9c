"""What a plan keeps of an acknowledgement, and what it says of those that did not do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from reconciler.core.acknowledge import Acknowledgement, Finding, form_error, judge, refused_now
from reconciler.core.diagnostic import Mark
from reconciler.core.plan import Acknowledged, Header, Plan, Problem

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
DELETES = Problem("G001", "7 deletes", "", None, "G001=7")
SHARE = Problem("G002", "too many", "", None, "G002")


def entry(text: str, *, days: int = 1, line: int = 3) -> Acknowledgement:
    return Acknowledgement(text, "agreed", "anna", NOW + timedelta(days), mark=Mark("a.yaml", line, 5))


def judged(*problems: Problem, allowed: Sequence[str] = (), entries: Sequence[Acknowledgement] = ()) -> Plan:
    findings = [Finding(problem) for problem in problems]
    return judge(Plan(Header(target="prod")), findings, allowed=allowed, entries=entries, freezes=(), moment=NOW)


def test_a_plan_keeps_what_the_guard_had_said_and_who_accepted_it() -> None:
    assert judged(SHARE, DELETES, allowed=["G002", "G001=9"]).acknowledged == (
        Acknowledged("G001=9", "7 deletes", source="--allow"),
        Acknowledged("G002", "too many", source="--allow"),
    )
    assert judged(SHARE, entries=[entry("G002")]).acknowledged == (
        Acknowledged("G002", "too many", "agreed", "anna", "2026-05-02T12:00:00Z", "a.yaml:3:5"),
    )


def test_the_command_line_comes_first() -> None:
    made = judged(SHARE, allowed=["G002"], entries=[entry("G002")])
    assert [item.source for item in made.acknowledged] == ["--allow"]
    assert made.warnings == ("the acknowledgement of G002 (a.yaml:3:5) accepts nothing in this plan: remove it",)


def test_every_entry_is_told_of() -> None:
    made = judged(SHARE, entries=[entry("G002", days=0), entry("G001=9", days=-1, line=4), entry("G018=1", line=5)])
    assert made.problems == (SHARE,)
    assert made.warnings == (
        "G021 the acknowledgement of G002 (a.yaml:3:5) expired at 2026-05-01T12:00:00Z",
        "G021 the acknowledgement of G001=9 (a.yaml:4:5) expired at 2026-04-30T12:00:00Z",
        "the acknowledgement of G018=1 (a.yaml:5:5) accepts nothing in this plan: remove it",
    )


def test_an_entry_that_was_used_hides_no_later_one() -> None:
    made = judged(SHARE, entries=[entry("G002"), entry("G001=9", days=-1, line=4)])
    assert made.problems == ()
    assert made.warnings == ("G021 the acknowledgement of G001=9 (a.yaml:4:5) expired at 2026-04-30T12:00:00Z",)


def test_only_a_number_of_the_same_guard_falls_short() -> None:
    def ends(problem: Problem, text: str) -> str:
        [warning] = judged(problem, entries=[entry(text)]).warnings
        return warning.rpartition(": ")[2]

    assert ends(DELETES, "G001=6") == "review what is refused, and renew it"
    assert ends(DELETES, "G018=6") == ends(SHARE, "G002=3") == ends(DELETES, "G002") == "remove it"


def test_what_has_expired_since_the_plan_is_told_with_the_way_out() -> None:
    plan = judged(SHARE, entries=[entry("G002")])
    assert refused_now(plan, [Finding(SHARE)], [], NOW) == []
    assert refused_now(plan, [Finding(SHARE)], [], NOW + timedelta(1)) == [
        SHARE,
        Problem(
            "G021",
            "the acknowledgement of G002 expired at 2026-05-02T12:00:00Z, after the plan was made",
            "have it renewed, and plan again",
        ),
    ]
    assert form_error("P-a:odd", ["P-a"]) == ("write P-a:Kind/name, or P-a for all", "")
