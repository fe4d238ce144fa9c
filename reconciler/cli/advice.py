"""What to do about each error, beyond what its own message says: the second half of ``reconciler explain CODE``."""

from __future__ import annotations

from typing import Final

ADVICE: Final = {
    "A001": "Look at client id and secret, at auth.path, auth.body and auth.grant of the target, and at the clock of this "
    "machine; `reconciler doctor` tries them one by one.",
    "A002": "Grant the API client that scope, or add it to auth.scopes of the target where the project lists them. "
    "`reconciler doctor` shows which command needs which.",
    "F001": "Plan again for this target; a plan file is never edited.",
    "G000": "Explain the codes of the guards that are named. Those that can be acknowledged say how.",
    "H000": "Read the message; -v shows the requests, and the request id finds them in the server's own log.",
    "H001": "Look at url, proxy and tls.caFile of the target, and at the network; `reconciler doctor` tries them one by one.",
    "H002": "Run `reconciler apply --resume`: it asks what became of the request before it sends anything else.",
    "H003": "Something other than the API may have answered, such as a proxy: look at url and api.paths of the target; -vv "
    "shows what came.",
    "H004": "Look at api.paths of the target if a whole collection is missing; plan again if it is one resource.",
    "H005": "Plan again, and have the new plan reviewed.",
    "H006": "Resolve what the message names, then plan again.",
    "H007": "Correct the fields that the message names, then plan again.",
    "H008": "Set limits.requestsPerSecond of the target below what the tenant grants, then try again.",
    "H009": "Try again later; after an interrupted apply, with --resume.",
    "H010": "Report it, with the output of the same command with -vv.",
    "H011": "Try again when less is going on in the tenant.",
    "J000": "The message says what the job met.",
    "J001": "The job's account and the tenant's own messages say why; run it again once that is resolved.",
    "J002": "Run `reconciler apply` first, then the job.",
    "J003": "Wait for the other run, or stop it.",
    "J004": "Install the extra that is named, such as pip install 'reconciler[ingest]'.",
    "J005": "Correct the source at the place that is named, then run the job again.",
    "J006": "Put source and manifest back as they were, or run the job anew without --resume.",
    "J007": "Correct the table or its rights; what was received waits on disk. `reconciler doctor` looks at the database too.",
    "J008": "Make room on the disk, or correct the rights of the spool's folder, then run the job again.",
    "L000": "Look at ledger of the target, and at the rights of its folder.",
    "L001": "Restore the file from a backup. Without a ledger nothing is deleted, and what is live is adopted by its name.",
    "L002": "Wait, or give --lock-timeout SECONDS; a frozen ledger is freed by `reconciler ledger unlock`, which says who froze it.",
    "L003": "Run the command again; where it happens often, two places apply to one ledger without locking it.",
    "L004": "Run `reconciler apply --resume` once nobody else applies.",
    "L005": "Run `reconciler apply --resume`, or, where that cannot go on, `reconciler ledger unlock --discard-journal`.",
    "L006": "Resolve what the message names, then run `reconciler apply --resume`, which sends nothing again that was carried out.",
    "M000": "Each finding has a code, a place and what to write instead; `reconciler explain CODE` tells more.",
    "P001": "Correct reconciler.yaml, or name a target that it declares; `reconciler init` writes one to start from.",
    "P002": "Put the value where the provider looks for it, or correct the reference.",
    "S000": "Plan again, and have the new plan reviewed.",
    "S001": "Plan again, and have the new plan reviewed; --on-stale replan goes on by itself where only other fields moved.",
    "S002": "Plan again; apply.planExpiresHours of the target says how long plans are good for.",
    "S003": "Run `reconciler plan`, have what it shows reviewed, and name its change digest.",
    "S004": "Plan again where the new code or secret is meant; restore the old one where it is not.",
    "U001": "Help is one --help away: each command's ends with examples.",
    "X001": "Look at the rights of the path that is named, and at the space on its disk.",
    "X002": "The embedded tenant's state is emulator.sqlite under .reconciler; without that file, an empty tenant starts.",
    "X003": "After an interrupted apply, go on with `reconciler apply --resume`; a job, with `reconciler run JOB --resume`.",
    "X004": "Run inside a clone that has the revision: `git fetch origin REV`, or a checkout with its whole history "
    "(in GitHub Actions with fetch-depth 0; in GitLab with a depth of 0).",
}
"""By code. Rules and guards have theirs in their explanations."""
