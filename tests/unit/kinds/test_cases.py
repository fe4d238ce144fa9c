"""Each kind's rules by example: one file a case in ``cases/``.

``expect`` lists what the kind's check finds, ``severity path: part of the message``; ``refused`` what its model refuses,
``path type-of-error``. Both are complete: nothing else may be found.
"""

from pathlib import Path

import jsonschema_rs
import pytest
from pydantic import ValidationError

from reconciler.kinds.schema import manifest_schema


def dotted(path):
    return ".".join(str(part) for part in path)


def test_a_spec_is_judged_as_expected(case, kinds):
    kind = kinds[case["kind"]]
    if "refused" in case:
        with pytest.raises(ValidationError) as caught:
            kind.spec.model_validate(case["spec"])
        assert sorted(f"{dotted(e['loc'])} {e['type']}" for e in caught.value.errors()) == sorted(case["refused"])
        return
    others = {
        key: kinds[key.partition("/")[0]].spec.model_validate(spec) for key, spec in case.get("others", {}).items()
    }
    found = kind.check(kind.spec.model_validate(case["spec"]), others.get)
    left = list(case["expect"])
    for finding in found:
        place = f"{finding.severity} {dotted(finding.path)}: "
        match = next(
            (item for item in left if item.startswith(place) and item.removeprefix(place) in finding.message), ""
        )
        assert match, f"not expected: {place}{finding.message}"
        left.remove(match)
        assert "hunter2" not in finding.message + finding.fix
    assert not left, [item.message for item in found]


def test_the_json_schema_agrees_with_the_model(case, kinds):
    kind = kinds[case["kind"]]
    manifest = {
        "apiVersion": "cxone.reconciler/v1",
        "kind": case["kind"],
        "metadata": {"name": "example"},
        "spec": case["spec"],
    }
    validator = jsonschema_rs.validator_for(manifest_schema(kind))
    problems = [error.message for error in validator.iter_errors(manifest)]
    if "refused" in case:
        assert problems
    elif not any(line.startswith("error") for line in case["expect"]):
        assert not problems


def test_every_kind_has_good_and_bad_examples(kinds):
    names = [path.stem.partition("-")[0] for path in (Path(__file__).parent / "cases").glob("*.yaml")]
    assert {name: names.count(name) >= 3 for name in kinds} == dict.fromkeys(kinds, True)
