import pytest
from pydantic import ValidationError

from reconciler.kinds.metadata import METADATA_MODEL


def test_everything_that_metadata_may_hold():
    metadata = METADATA_MODEL.model_validate(
        {
            "name": "customer-crm",
            "labels": {"team": "crm"},
            "annotations": {"runbook": "see wiki"},
            "targets": ["dev", "prod"],
            "movedFrom": "Connector/old",
            "lifecycle": {"protect": True, "ignoreChanges": ["description"], "deletion": "retain"},
        }
    )
    assert (metadata.moved_from, metadata.lifecycle.deletion) == ("Connector/old", "retain")


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"name": "Customer"}, ("name",)),
        ({"name": "-x"}, ("name",)),
        ({"name": "x" * 64}, ("name",)),
        ({"name": "x\n"}, ("name",)),
        ({"name": 5}, ("name",)),
        ({"labels": {"team": 1}}, ("labels", "team")),
        ({"targets": []}, ("targets",)),
        ({"targets": ["Prod"]}, ("targets", 0)),
        ({"movedFrom": "old"}, ("movedFrom",)),
        ({"lifecycle": {"protect": "yes"}}, ("lifecycle", "protect")),
        ({"lifecycle": {"deletion": "keep"}}, ("lifecycle", "deletion")),
        ({"lifecycle": {"prevent": True}}, ("lifecycle", "prevent")),
        ({"owner": "me"}, ("owner",)),
    ],
)
def test_what_metadata_may_not_hold(change, place):
    with pytest.raises(ValidationError) as caught:
        METADATA_MODEL.model_validate({"name": "x", **change})
    assert [error["loc"] for error in caught.value.errors()] == [place]
