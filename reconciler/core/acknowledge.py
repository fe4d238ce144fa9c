"""Acknowledgements: what somebody accepts although a guard refuses it, for one run or in a reviewed file."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from reconciler.core.diagnostic import Mark
from reconciler.core.freeze import Freeze
from reconciler.core.guard import GUARDS, acknowledgement_form
from reconciler.core.guard_rule import CODE
from reconciler.core.plan import Acknowledged, Change, Plan, Problem
from reconciler.core.plandigest import change_digest, digest_of_change
from reconciler.core.resource import Key

COMMAND_LINE: Final = "--allow"
"""The source of what was acknowledged for one run."""

_SUBJECT: Final = {"=N": r"=[0-9]{1,9}", ":Kind/name": r":\w+/[\w.-]+", ":NAME": r":[a-z0-9]([-a-z0-9]*[a-z0-9])?"}
_WRITTEN: Final = re.compile(CODE.removesuffix("$") + r"(:\w+/[\w.-]+)?$")


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """One entry of a reviewed file.

    ``accepts`` is what ``--allow`` would take. ``change`` (a prefix of the change's digest, or of the plan's where the guard is about
    the plan) and ``fields`` narrow it to one change; ``targets`` empty means all. It holds until ``expires``, that moment not
    included.
    """

    accepts: str
    reason: str
    by: str
    expires: datetime
    change: str = ""
    fields: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    mark: Mark | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What a guard does not accept: with ``refuses`` it stands in the way of applying, else it is told as a warning."""

    problem: Problem
    refuses: bool = True


def code_of(text: str) -> str:
    """The code in what ``--allow`` takes."""
    return text.partition(":")[0].partition("=")[0]


def form_error(text: str, written: Collection[str]) -> tuple[str, str] | None:
    """Why a text can acknowledge nothing at all, and what to do; None where it can.

    ``written`` are the codes of the project's own guards.
    """
    code = code_of(text)
    if code.startswith("P-"):
        if code not in written:
            return f"there is no guard {code}", "`reconciler test --guards` lists those that the project wrote"
        return None if _WRITTEN.match(text) else (f"write {code}:Kind/name, or {code} for all", "")
    if code not in {rule.code for rule in GUARDS}:
        return f"there is no guard {code}", "the plan names the code of each guard"
    form = acknowledgement_form(code)
    if not form:
        return f"{code} cannot be acknowledged", f"see `reconciler explain {code}`"
    ending = form.removeprefix(code)
    if not re.fullmatch(code + _SUBJECT.get(ending, ""), text):
        return f"write {COMMAND_LINE} {form}", f"see `reconciler explain {code}`"
    return None


def accepts(text: str, problem: Problem) -> bool:
    """Whether an acknowledgement, as ``--allow`` takes it, lets a problem pass."""
    wanted = problem.acknowledge
    if not wanted:
        return False
    code, equals, number = wanted.partition("=")
    if equals:
        own, _, most = text.partition("=")
        return own == code and most.isdecimal() and int(most) >= int(number)
    return text == wanted or (problem.code.startswith("P-") and text == problem.code)


def judge(
    plan: Plan,
    findings: Iterable[Finding],
    *,
    allowed: Collection[str],
    entries: Sequence[Acknowledgement],
    freezes: Sequence[Freeze],
    moment: datetime,
) -> Plan:
    """The plan with what guards found, what was accepted of it, and what became of the acknowledgements.

    ``entries`` are those of the reviewed files. An expired one accepts nothing. In a narrowed run, one that accepts nothing is no
    news.
    """
    court = _Court(plan, allowed, entries, moment)
    problems, warnings = [], []
    for finding in findings:
        problem = court.identified(finding.problem)
        if court.accept(problem):
            continue
        if finding.refuses:
            problems.append(problem)
        else:
            warnings.append(f"{problem.code} {problem.message}")
    for freeze in freezes:
        if (notice := frozen(plan, freeze, moment)) is not None:
            if not court.accept(notice):
                warnings.append(f"{notice.code} {notice.message}; {notice.fix}")
        else:
            court.accept_ahead(f"G020:{freeze.name}")
    return replace(
        plan,
        problems=tuple(problems),
        warnings=(*plan.warnings, *warnings, *court.told(partial=plan.partial)),
        acknowledged=tuple(sorted(court.acknowledged, key=lambda item: (item.accepts, item.source, item.message))),
    )


class _Court:
    """One plan's acknowledgements: which were used, which have expired, which were never needed."""

    def __init__(
        self, plan: Plan, allowed: Collection[str], entries: Sequence[Acknowledgement], moment: datetime
    ) -> None:
        self.acknowledged: list[Acknowledged] = []
        self._plan = plan
        self._allowed = sorted(allowed)
        self._changes = {change.key: change for change in plan.changes}
        self._entries = [item for item in entries if not item.targets or plan.header.target in item.targets]
        self._moment = moment
        self._used: set[int] = set()
        self._short: dict[int, str] = {}

    def identified(self, problem: Problem) -> Problem:
        """The problem with the digest by which a reviewed file names its change."""
        if not problem.acknowledge:
            return problem
        change = self._changes.get(problem.key) if problem.key is not None else None
        return replace(problem, change=digest_of_change(change)[:16] if change is not None else "")

    def accept(self, problem: Problem) -> bool:
        """Whether anything acknowledges a problem; if so, that is noted."""
        for text in self._allowed:
            if accepts(text, problem):
                self._note(Acknowledged(text, problem.message, source=COMMAND_LINE))
                return True
        for number, entry in enumerate(self._entries):
            if accepts(entry.accepts, problem) and self._covers(entry, problem.key):
                if self._over(entry):
                    continue
                self._used.add(number)
                self._note(of_entry(entry, problem.message))
                return True
        for number, entry in enumerate(self._entries):
            if reason := self._falls_short(entry, problem):
                self._short[number] = reason
        return False

    def accept_ahead(self, text: str) -> None:
        """Note what acknowledges something that may come before the plan is applied."""
        if text in self._allowed:
            self._note(Acknowledged(text, source=COMMAND_LINE))
        for number, entry in enumerate(self._entries):
            if entry.accepts == text and not self._over(entry) and self._covers(entry, None):
                self._used.add(number)
                self._note(of_entry(entry))

    def told(self, *, partial: bool) -> list[str]:
        """What to say of entries that have expired, or that accept nothing."""
        lines = []
        for number, entry in enumerate(self._entries):
            where = f" ({entry.mark})" if entry.mark else ""
            if self._over(entry):
                lines.append(f"G021 the acknowledgement of {entry.accepts}{where} expired at {stamp(entry.expires)}")
            elif number in self._used:
                continue
            elif number in self._short:
                lines.append(
                    f"the acknowledgement of {entry.accepts}{where} {self._short[number]}: review what is refused, and renew it"
                )
            elif not partial:
                lines.append(f"the acknowledgement of {entry.accepts}{where} accepts nothing in this plan: remove it")
        return lines

    def _over(self, entry: Acknowledgement) -> bool:
        return entry.expires <= self._moment

    def _covers(self, entry: Acknowledgement, key: Key | None) -> bool:
        change = self._changes.get(key) if key is not None else None
        if entry.fields and (change is None or not _only(change, entry.fields)):
            return False
        if not entry.change:
            return True
        digest = digest_of_change(change) if change is not None else change_digest(self._plan)
        return digest.startswith(entry.change)

    def _falls_short(self, entry: Acknowledgement, problem: Problem) -> str:
        """Why an entry about a problem does not accept it; empty for one that is about something else."""
        if accepts(entry.accepts, problem):
            return "was for another change than now"
        code, equals, _ = problem.acknowledge.partition("=")
        return "was for fewer than now" if equals and entry.accepts.partition("=")[0] == code else ""

    def _note(self, item: Acknowledged) -> None:
        if item not in self.acknowledged:
            self.acknowledged.append(item)


def _only(change: Change, fields: Collection[str]) -> bool:
    return all(item.label in fields for item in change.fields if item.sends)


def of_entry(entry: Acknowledgement, message: str = "") -> Acknowledged:
    """An entry of a file as a plan keeps it."""
    return Acknowledged(
        entry.accepts, message, entry.reason, entry.by, stamp(entry.expires), str(entry.mark) if entry.mark else ""
    )


def stamp(moment: datetime) -> str:
    """A moment the way that plans write it."""
    return moment.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")


def frozen(plan: Plan, freeze: Freeze, moment: datetime) -> Problem | None:
    """What a freeze in force at a moment means for a plan; None where it is not in force, or lets all of the plan pass."""
    if freeze.targets and plan.header.target not in freeze.targets:
        return None
    end = freeze.until(moment)
    held = freeze.holds_back(plan) if end is not None else []
    if end is None or not held:
        return None
    local = end.strftime("%A, %Y-%m-%d %H:%M %Z").strip()
    what = "a change" if len(held) == 1 else f"{len(held)} changes"
    return Problem(
        "G020",
        f"the freeze {freeze.name} ({freeze.reason}) holds back {what} until {local} ({freeze.zone_name})",
        f"apply after that, or plan with {COMMAND_LINE} G020:{freeze.name}",
        acknowledge=f"G020:{freeze.name}",
    )


def refused_now(plan: Plan, findings: Iterable[Finding], freezes: Sequence[Freeze], moment: datetime) -> list[Problem]:
    """What stands in the way of applying a finished plan at a moment, judged by the acknowledgements that it holds.

    ``findings`` are of guards that are asked again. An acknowledgement that has expired since refuses.
    """
    valid = [item for item in plan.acknowledged if not _ended(item, moment)]
    asked = [found.problem for found in findings if found.refuses]
    asked += [notice for freeze in freezes if (notice := frozen(plan, freeze, moment)) is not None]
    problems = [problem for problem in asked if not any(accepts(item.accepts, problem) for item in valid)]
    return problems + [
        Problem(
            "G021",
            f"the acknowledgement of {item.accepts} expired at {item.expires}, after the plan was made",
            "have it renewed, and plan again",
        )
        for item in plan.acknowledged
        if item.message and _ended(item, moment)
    ]


def _ended(item: Acknowledged, moment: datetime) -> bool:
    return bool(item.expires) and datetime.fromisoformat(item.expires) <= moment
