"""The lock file goes while an apply runs: nothing further is sent, and the run can be resumed."""

import time

from tests.support.tenant_project import CONNECTORS, Setting

_PATIENCE_SECONDS = 60


def test_a_lost_lease_stops_new_requests(setting: Setting) -> None:
    setting.chain()
    setting.fault("POST", CONNECTORS, status=503, headers={"Retry-After": "0"})
    mark = setting.mark
    with setting.project.spawn("apply", "--yes", "--parallelism", "1") as process:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not any(line.startswith(f"POST {CONNECTORS}") for line in setting.writes(mark)):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        (setting.project.state / "lock").unlink()
        setting.heal()
        out, err = process.communicate(timeout=_PATIENCE_SECONDS)
    assert process.returncode in (1, 4)
    assert "was removed while this command was running" in out + err
    assert "Traceback" not in err
    assert [line for line in setting.writes(mark) if not line.startswith(f"POST {CONNECTORS}")] == []
    setting.project.run("apply", "--resume").ok()
    setting.project.converged()
