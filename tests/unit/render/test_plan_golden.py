import json

import pytest

from reconciler.core.planfile import plan_from_json, plan_to_json
from tests.support.golden_plans import FOLDER, read_case, render_all
from tests.support.render_plans import worlds

CASES = sorted(FOLDER.glob("*.txt"))


def test_every_world_has_its_golden_file():
    assert {path.stem for path in CASES} == set(worlds())


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_saved_plan_is_rendered_as_before(path):
    plan, expected = read_case(path)
    found = render_all(plan)
    assert found.keys() == expected.keys()
    for name, text in expected.items():
        assert found[name] == text, name


@pytest.mark.parametrize("name", worlds())
def test_a_plan_that_was_saved_reads_as_it_was_printed(name):
    plan = worlds()[name]
    again = plan_from_json(json.loads(json.dumps(plan_to_json(plan))))
    assert render_all(again) == render_all(plan)
