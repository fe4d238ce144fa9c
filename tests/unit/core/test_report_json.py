"""A report as JSON, and reports of versions that said less."""

from __future__ import annotations

import pytest

from reconciler.core.diagnostic import Mark
from reconciler.core.plan import Acknowledged, Header
from reconciler.core.planfile import acknowledged_to_json, header_to_json
from reconciler.core.report import Report, Result, account, report_from_json, report_to_json
from reconciler.core.resource import Key

K, L = Key("K", "a"), Key("K", "b")
REPORT = Report(
    (
        Result(K, "update", "failed", "id-a", "A001", "no", "log in", mark=Mark("a.yaml", 3, 1)),
        Result(L, "create", "skipped", because=K),
        Result(Key("K", "c"), "delete", "unknown"),
    ),
    ((L, "differs"),),
    15,
    {"PATCH": 2, "GET": 1},
    Header("prod", tool="1"),
    (Acknowledged("G001=7", "7 deletes", source="--allow"),),
)


def test_the_whole_report_as_json() -> None:
    plain = {"id": "", "code": "", "message": "", "fix": "", "because": None, "source": None}
    assert report_to_json(REPORT) == {
        "format_version": "1.1",
        "verdict": "interrupted",
        "account": "0 applied, 1 failed, 1 skipped, 1 unknown, 1 not converged",
        "header": header_to_json(REPORT.header),
        "results": [
            {
                "key": "K/a",
                "action": "update",
                "outcome": "failed",
                "id": "id-a",
                "code": "A001",
                "message": "no",
                "fix": "log in",
                "because": None,
                "source": "a.yaml:3:1",
            },
            {**plain, "key": "K/b", "action": "create", "outcome": "skipped", "because": "K/a"},
            {**plain, "key": "K/c", "action": "delete", "outcome": "unknown"},
        ],
        "acknowledged": acknowledged_to_json(REPORT.acknowledged),
        "diverged": [{"key": "K/b", "message": "differs"}],
        "signal": 15,
        "requests": {"GET": 1, "PATCH": 2},
    }
    assert account(REPORT) == report_to_json(REPORT)["account"]
    assert report_from_json(report_to_json(REPORT)) == REPORT


def test_a_report_of_the_first_version_has_neither_header_nor_acknowledgements_nor_sources() -> None:
    data = {**report_to_json(REPORT), "format_version": "1.0"}
    del data["header"], data["acknowledged"]
    data["results"] = [{name: value for name, value in item.items() if name != "source"} for item in data["results"]]
    read = report_from_json(data)
    assert (read.header, read.acknowledged) == (Header(), ())
    assert [item.mark for item in read.results] == [None] * 3
    assert read.signal == 15


@pytest.mark.parametrize(
    ("spoilt", "says"),
    [
        ({"format_version": "2.0"}, "format_version '2.0' is not 1.1"),
        ({"format_version": None}, "format_version None is not 1.1"),
        ({"diverged": 3}, "not a report that this tool wrote"),
    ],
)
def test_another_versions_report_is_refused_by_name(spoilt: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        report_from_json({**report_to_json(REPORT), **spoilt})
    with pytest.raises(ValueError, match=r"is not 1\.1"):
        report_from_json({})
