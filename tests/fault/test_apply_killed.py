"""Processes that are killed or stopped at a random moment, until one of them comes to its end: nothing is lost or done twice."""

from __future__ import annotations

import random
import signal
import subprocess
import time

from reconciler.engine.state.file_store import FileStore
from reconciler.engine.state.journal import open_journal
from tests.support.profile import ACCEPTANCE
from tests.support.tenant_project import Setting, action, connector, dataset, stream

KILLS = 200 if ACCEPTANCE else 4
SIGNALS = 40 if ACCEPTANCE else 2
_PATIENCE_SECONDS = 120
_TABLES = 12
_ALL = ("--yes", "--prune", "--allow", "G003")
"""Deletes what is declared no more, and accepts that most of a kind is changed at once."""


def _declare(setting: Setting, round_number: int) -> None:
    """Everything anew in each round: updates, a rotation, a delete and a create, so that there is much to be interrupted."""
    text = f"round {round_number}"
    reference = {"CRM": "${ref:Connector/crm.id}", "KEY": "${secret:env:SECRET_ONE}", "ROUND": str(round_number)}
    setting.project.put(
        "all.yaml",
        connector("crm", description=text, lifecycleStatus=["ACTIVE", "INACTIVE"][round_number % 2]),
        action("enrich", environment=reference),
        stream("calls", "enrich", description=text),
        dataset(f"only-{round_number}"),
        *(dataset(f"table-{number}", description=text) for number in range(_TABLES)),
    )
    setting.project.environ["SECRET_ONE"] = f"the secret of {text}"


def _interrupted(setting: Setting, number: int, seconds: float, *arguments: str) -> int:
    """Start an apply and send it a signal after some time; its exit code."""
    with setting.project.spawn("apply", *arguments) as process:
        try:
            _, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(number)
            _, err = process.communicate(timeout=_PATIENCE_SECONDS)
            if "Could not import runpy module" in err or "Python runtime state: " in err:
                return -number  # Python itself was asked while it started, before any code of ours ran
            assert "Traceback" not in err
        else:
            assert process.returncode == 0, err
    return process.returncode


def _lasts(setting: Setting) -> float:
    """Seconds that an undisturbed apply takes here and now, its start included."""
    begun = time.monotonic()
    setting.project.process("apply", *_ALL).ok()
    return time.monotonic() - begun


def _went_well(setting: Setting, round_number: int) -> None:
    """The tenant and the ledger are as declared, with nothing missing and nothing there twice."""
    setting.project.converged()
    setting.project.run("ledger", "verify").ok()
    state = setting.emulator.control("GET", "state")["resources"]
    tables = [f"table-{number}" for number in range(_TABLES)]
    assert sorted(item["name"] for item in state["Dataset"]) == sorted([*tables, f"only-{round_number}"])
    assert {kind: len(items) for kind, items in state.items() if items and kind != "Dataset"} == {
        "Connector": 1,
        "DataAction": 1,
        "EventStream": 1,
    }
    stored = setting.live("DataAction")["enrich"]["stored"]["environment"]
    assert stored["ROUND"] == str(round_number)
    assert setting.project.environ["SECRET_ONE"] in str(stored["KEY"])


def _is_interrupted(setting: Setting) -> bool:
    return open_journal(FileStore(setting.project.state)) is not None


def _until_the_end(setting: Setting, numbers: list[int], count: int, dice: random.Random) -> list[int]:
    """Interrupt and go on until so many signals have been sent; the exit codes of those who were interrupted."""
    _declare(setting, 0)
    duration = _lasts(setting)
    codes: list[int] = []
    round_number = 0
    while len(codes) < count:
        round_number += 1
        _declare(setting, round_number)
        code = None
        while code != 0:
            arguments = ("--resume",) if _is_interrupted(setting) else _ALL
            seconds = dice.uniform(0, duration) if len(codes) < count else _PATIENCE_SECONDS
            code = _interrupted(setting, dice.choice(numbers), seconds, *arguments)
            if code != 0:
                codes.append(code)
        _went_well(setting, round_number)
    return codes


def test_killed_again_and_again(setting: Setting) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    codes = _until_the_end(setting, [signal.SIGKILL], KILLS, random.Random(seed))
    assert set(codes) == {-signal.SIGKILL}


def test_asked_to_stop_again_and_again(setting: Setting) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    codes = _until_the_end(setting, [signal.SIGINT, signal.SIGTERM], SIGNALS, random.Random(seed))
    # Before the command has taken its signals over, they end the process as they end any.
    assert set(codes) <= {130, 143, -signal.SIGINT, -signal.SIGTERM}
