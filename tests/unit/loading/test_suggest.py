import pytest

from reconciler.loading.suggest import did_you_mean, nearest


@pytest.mark.parametrize(
    ("word", "known", "guess"),
    [
        ("conectorType", ["connectorType", "version"], "connectorType"),
        ("CONNECTOR", ["Connector"], "Connector"),
        ("xyz", ["connectorType"], ""),
        (7, ["connectorType"], ""),
        ("", ["a"], ""),
    ],
)
def test_the_nearest_word(word, known, guess):
    assert nearest(word, known) == guess


def test_a_short_list_is_shown_where_nothing_is_near():
    assert did_you_mean("zzz", ["b", "a"], what="fields") == "fields: a, b"
    assert did_you_mean("zzz", [str(n) * 9 for n in range(40)], what="fields") == ""
    assert did_you_mean("zzz", ["b"]) == ""
