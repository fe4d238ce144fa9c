import os
import stat

import pytest

from reconciler.engine import planfiles
from reconciler.engine.planfiles import read_plan, read_saved, write_plan, write_text
from reconciler.errors import PlanFileError, StorageError
from reconciler.render.document import render_plan_json, render_report_json
from tests.support.render_plans import REPORT, worlds


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("name", worlds())
def test_a_plan_reads_back_as_it_was_written(name, tmp_path):
    path = tmp_path / "plan.json"
    write_plan(path, worlds()[name])
    again = read_plan(path)
    assert render_plan_json(again) == render_plan_json(worlds()[name])


def test_a_plan_is_readable_by_its_owner_alone_even_over_an_open_file(tmp_path):
    path = tmp_path / "plan.json"
    path.write_text("old", "utf-8")
    path.chmod(0o644)
    write_plan(path, worlds()["creates"])
    assert mode(path) == 0o600
    assert [item.name for item in tmp_path.iterdir()] == ["plan.json"]


def test_a_text_keeps_the_mode_of_the_file_that_it_replaces(tmp_path):
    path = tmp_path / "plan.md"
    write_text(path, "é\n")
    assert mode(path) == 0o666 & ~_umask()
    path.chmod(0o640)
    write_text(path, "new\n")
    assert (mode(path), path.read_bytes()) == (0o640, b"new\n")


def _umask():
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def test_a_link_is_written_through(tmp_path):
    (tmp_path / "real.json").write_text("", "utf-8")
    (tmp_path / "link.json").symlink_to("real.json")
    write_text(tmp_path / "link.json", "text")
    assert (tmp_path / "link.json").is_symlink()
    assert (tmp_path / "real.json").read_text("utf-8") == "text"


def test_a_link_to_itself_is_replaced(tmp_path):
    path = tmp_path / "plan.json"
    path.symlink_to("plan.json")
    write_text(path, "new", mode=0o600)
    assert path.read_text(encoding="utf-8") == "new"
    assert not path.is_symlink()


def test_what_is_no_regular_file_is_written_to_as_it_is():
    write_text(planfiles.Path(os.devnull), "gone")
    assert not planfiles.Path(os.devnull).is_file()


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "plan.json"
    path.write_text("old", "utf-8")

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StorageError, match="No space left"):
        write_text(path, "new")
    assert path.read_text("utf-8") == "old"
    assert [item.name for item in tmp_path.iterdir()] == ["plan.json"]


def test_a_folder_that_is_not_there_is_a_storage_error(tmp_path):
    with pytest.raises(StorageError, match="cannot be written"):
        write_plan(tmp_path / "none" / "plan.json", worlds()["empty"])


def test_a_report_is_not_taken_for_a_plan(tmp_path):
    path = tmp_path / "report.json"
    write_text(path, render_report_json(REPORT))
    assert read_saved(path).report == REPORT
    with pytest.raises(PlanFileError, match="a report, not a plan"):
        read_plan(path)


def test_a_file_beyond_all_bounds_is_not_read(tmp_path, monkeypatch):
    path = tmp_path / "plan.json"
    write_plan(path, worlds()["creates"])
    monkeypatch.setattr(planfiles, "SIZE_LIMIT", 100)
    with pytest.raises(PlanFileError, match="larger than"):
        read_plan(path)


def test_values_survive_that_most_json_tools_lose(tmp_path):
    from tests.support.render_plans import plan_of, widget

    path = tmp_path / "plan.json"
    plan = plan_of([widget("a", big=2**70, lone="\ud800", real=1e300)])
    write_plan(path, plan)
    assert read_plan(path).changes == plan.changes
