"""What can be done about a test without a result, by the server's word for what happened (contract: DataAction)."""

from __future__ import annotations

from typing import Final

_FIXES: Final = {
    "RUNTIME_UNAVAILABLE": "install Node.js 18 or newer on the machine that executes actions, with `node` on its PATH",
    "EXECUTION_TIMEOUT": "make the action answer sooner, or raise timeoutSeconds (30 at most)",
    "OUTPUT_INVALID": "correct the code, or what outputs declares",
    "OUTPUT_TOO_LARGE": "answer with 1 MiB of JSON at most",
}
_NO_MODULE: Final = "Cannot find module"


def fix_for(code: str, reason: str) -> str:
    """What to do about a refused execution; empty where it is the code alone that has to be corrected."""
    if _NO_MODULE in reason:
        return (
            "put the module into the bundle, or into node_modules of the project (of the folder that "
            "`reconciler emulator --action-modules` names)"
        )
    return _FIXES.get(code, "")
