"""The codes of guards and of planning, each with what ``reconciler explain CODE`` says of it."""

from __future__ import annotations

import re

from reconciler.core.diagnostic import Rule

GUARDS = (
    Rule(
        "G001",
        "too many deletes",
        "The plan deletes more resources than guards.maxDeletes allows. Raise the limit for one run with --allow G001=N, "
        "N being the number of deletes that you accept.",
    ),
    Rule(
        "G002",
        "too large a part of a kind deleted",
        "The plan deletes more than guards.maxDeletePercent of all resources of one kind (counted from 10 resources on). "
        "Accept it for one run with --allow G002.",
    ),
    Rule(
        "G003",
        "too large a part of a kind updated",
        "The plan updates more than guards.maxUpdatePercent of all resources of one kind (counted from 10 resources on). "
        "Accept it for one run with --allow G003.",
    ),
    Rule(
        "G004",
        "a protected resource would be deleted",
        "metadata.lifecycle.protect forbids deleting the resource, also after its manifest is gone. Accept the deletion of "
        "one resource with --allow G004:Kind/name.",
    ),
    Rule(
        "G005",
        "no manifests at all",
        "The manifest set is empty and the plan would delete what the ledger holds: most often a wrong folder or a failed "
        "checkout. Accept it for one run with --allow G005.",
    ),
    Rule(
        "G006",
        "a narrowed run would delete",
        "A run narrowed by paths or selectors does not see the whole project and never deletes or forgets.",
    ),
    Rule(
        "G007",
        "an outcome is still unknown",
        "An earlier apply was interrupted while a write was in flight. Nothing is deleted before `apply --resume` has settled "
        "what became of it.",
    ),
    Rule(
        "G008",
        "breaking change of a populated table",
        "A column of a dataset or extension that holds records would be dropped, narrowed or retyped. The API refuses it, and "
        "so does the plan, before anything is sent.",
    ),
    Rule(
        "G009",
        "immutable field",
        "The field can be set when the resource is created and never afterwards.",
    ),
    Rule(
        "G010",
        "impossible lifecycle move",
        "The API knows no way from the live status to the declared one.",
    ),
    Rule(
        "G011",
        "the live resource is not ours",
        "A resource of that name exists in the tenant and is not in the ledger. It is never taken over silently: --adopt "
        "KEY takes it over, `reconciler adopt KEY --id ID` names one by id.",
    ),
    Rule(
        "G012",
        "no order works",
        "Names are passed around in a circle, so that no order of renames is possible in one run.",
    ),
    Rule(
        "G013",
        "moved twice",
        "metadata.movedFrom names a key that the ledger still holds beside the new one.",
    ),
    Rule(
        "G015",
        "a dependency is missing and not part of the run",
        "A narrowed run leaves out a resource that another one needs and that does not exist yet.",
    ),
    Rule(
        "G016",
        "the name stays taken",
        "Another resource of the project holds the live name, and this plan neither renames nor deletes it, so the API would "
        "refuse the write. Where both are the same resource under a new key, metadata.movedFrom says so.",
    ),
    Rule(
        "G017",
        "a table that holds records would be deleted",
        "Deleting a dataset or extension deletes its records with it, and no apply brings them back. Restore its manifest to "
        "keep it; to let go of it without deleting it, restore its manifest with lifecycle.deletion: retain, apply, and remove "
        "it then. Accept the loss of one table's records with --allow G017:Kind/name.",
    ),
    Rule(
        "G030",
        "no code to send",
        "The manifest says code.sha256, which stands for code that only a tenant has, as `reconciler export` writes it where the "
        "API does not give code back. It can be compared with what is live; to create the action or to change its code, the files "
        "have to be in the project and code.path has to name their folder.",
    ),
    Rule(
        "G018",
        "too many requests",
        "Applying would take more requests than guards.maxRequests, or apply.maxRequests of the target, allows: writes, comparisons "
        "before them where the API has no ETags, and reading back. Raise the limit for one run with --allow G018=N, N being the "
        "number of requests that you accept.",
    ),
    Rule(
        "G019",
        "too long at the target's limit",
        "At the target's limits.requestsPerSecond, applying would take longer than guards.maxSeconds, or apply.maxSeconds of the "
        "target, allows. Accept it for one run with --allow G019=N, N being the seconds that you accept.",
    ),
    Rule(
        "G020",
        "frozen",
        "A freeze window of guards.freezes is in force: `plan` warns, and nothing is applied before it ends, but what the window itself "
        "allows. A plan made with --allow G020:NAME, NAME being the window's, may be applied all the same.",
    ),
    Rule(
        "G021",
        "an acknowledgement has expired",
        "What was accepted in a file of acknowledgements is accepted until it expires, and refused from then on, also where the plan "
        "was made before. Have the entry renewed in review, or remove it.",
    ),
    Rule(
        "G022",
        "a written guard cannot be decided",
        "A rule of the project's own cannot be evaluated for this change or plan: a field that is not there, a comparison of two "
        "types, a result that is neither true nor false. What cannot be decided is refused; nothing but a corrected rule lets it "
        "pass. `has(…)` asks for a field before it is read.",
    ),
    Rule(
        "G014",
        "a saved plan is demanded",
        "The target sets apply.savedPlanOnly: only `apply PLANFILE` and `apply --expect DIGEST` are accepted there.",
    ),
)
"""Every guard and planning code with its explanation, for ``reconciler explain``."""

_FORM = re.compile(r"--allow (G\d{3}(?:=N|:Kind/name|:NAME)?)")


def acknowledgement_form(code: str) -> str:
    """How one run accepts what a guard refuses, as its explanation says; empty where nothing does."""
    found = next((_FORM.search(rule.explanation) for rule in GUARDS if rule.code == code), None)
    return found[1] if found else ""
