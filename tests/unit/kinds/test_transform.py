import pytest

from reconciler.kinds.parts.transform import Transformation, misfit, parse_transformation


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lowercase", Transformation("lowercase")),
        ("uppercase", Transformation("uppercase")),
        ("trim", Transformation("trim")),
        ("e164", Transformation("e164")),
        ("date:%d/%m/%Y", Transformation("date", "%d/%m/%Y")),
        ("date:%Y %% %H:%M", Transformation("date", "%Y %% %H:%M")),
        ("constant:a:b", Transformation("constant", "a:b")),
        ("default:0", Transformation("default", "0")),
        ("split:,:0", Transformation("split", ",", 0)),
        ("split:::-1", Transformation("split", ":", -1)),
    ],
)
def test_transformations_are_read(text, expected):
    assert parse_transformation(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "upper",
        "trim:x",
        "date",
        "date:",
        "date:plain",
        "date:%",
        "date:%Q",
        "date:%e.%m.%Y",
        "date:%d.%m",
        "date:%H:%M",
        "split:",
        "split:,",
        "split:,:x",
        "constant:",
    ],
)
def test_malformed_transformations_are_refused(text):
    with pytest.raises(ValueError, match=r"."):
        parse_transformation(text)


@pytest.mark.parametrize(
    ("text", "column_type", "fits"),
    [
        ("date:%Y", "date", True),
        ("date:%Y", "string", True),
        ("date:%Y", "number", False),
        ("e164", "number", False),
        ("uppercase", "boolean", False),
        ("lowercase", "boolean", True),
        ("trim", "number", True),
        ("split:,:0", "number", True),
        ("constant:x", "string", True),
        ("constant:1.5", "number", True),
        ("constant:nan", "number", False),
        ("constant:1_0", "number", False),
        ("constant:true", "boolean", True),
        ("constant:yes", "boolean", False),
        ("default:2026-02-28", "date", True),
        ("default:2026-02-30", "date", False),
        ("constant:20260228", "date", False),
        ("constant:2026-W09-1", "date", False),
        ("constant:2026-02-28 10:30", "date", True),
        ("constant:9007199254740993", "number", False),
        ("constant:-9007199254740991", "number", True),
        ("constant:1e300", "number", True),
    ],
)
def test_results_fit_columns_or_not(text, column_type, fits):
    assert (misfit(parse_transformation(text), column_type) == "") is fits
