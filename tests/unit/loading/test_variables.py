import pytest

from reconciler.core.values import Secret, Template, Unknown
from reconciler.kinds import load_kinds
from reconciler.loading.leaves import BROKEN, stand_ins
from reconciler.loading.variables import place_of
from tests.support.binding import bind_files, manifest

KINDS = load_kinds()


def dataset(description, **options):
    def bind(root):
        text = manifest("Dataset", "d", f"{{primaryKey: id, columns: {{id: string}}, description: {description}}}")
        return bind_files(root, {"manifests/a.yaml": text}, **options)

    return bind


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("'${var:name}'", "Ada"),
        ("'<${var:name}>'", "<Ada>"),
        ("'${var:count} of ${var:ratio}, ${var:yes}'", "3 of 0.5, true"),
        ("'$${var:name}'", "${var:name}"),
        ("'${env:WORD}-${var:name}'", "w-Ada"),
        ("'${file:text.txt}'", "from a file"),
        ("'a ${file:text.txt} b'", "a from a file b"),
    ],
)
def test_text_is_put_together(tmp_path, text, value):
    (tmp_path / "text.txt").write_text("from a file\n")
    variables = {"name": "Ada", "count": 3, "ratio": 0.5, "yes": True}
    bound = dataset(text, variables=variables, environ={"WORD": "w"})(tmp_path).require()
    assert bound.desired[0].fields["description"] == value


@pytest.mark.parametrize(("value", "ok"), [(5, True), (5000, False), ("5", False), (True, False)])
def test_a_whole_value_keeps_the_type_of_its_variable(tmp_path, value, ok):
    text = manifest(
        "Dataset", "d", "{primaryKey: id, columns: {id: {type: string, maxLength: '${var:length}'}}}"
    ) + manifest("DataExtension", "e", "{fields: [{name: a, type: string, maxLength: '${var:length}'}]}")
    bound = bind_files(tmp_path, {"manifests/a.yaml": text}, variables={"length": value})
    assert bound.failed is not ok
    if ok:
        assert bound.desired[0].fields["fields"][0]["maxLength"] == value


def test_a_variable_can_be_a_whole_structure(tmp_path):
    text = manifest("Dataset", "d", "{primaryKey: id, columns: '${var:columns}'}")
    bound = bind_files(tmp_path, {"manifests/a.yaml": text}, variables={"columns": {"id": "string"}}).require()
    assert set(bound.desired[0].fields["columns"]) == {"id"}


@pytest.mark.parametrize(
    ("kind", "path", "place"),
    [
        ("Connector", ("authentication", "credentials", "clientSecret"), "secret"),
        ("Connector", ("authentication", "credentials", "anything"), "secret"),
        ("Connector", ("authentication", "credentials", "username"), "plain"),
        ("Connector", ("authentication", "type"), "plain"),
        ("Connector", ("description",), "plain"),
        ("DataAction", ("environment", "KEY"), "either"),
        ("DataAction", ("timeoutSeconds",), "plain"),
        ("ExtensionSync", ("webhook", "secret"), "secret"),
        ("ExtensionSync", ("source", "url"), "either"),
    ],
)
def test_what_may_stand_where(kind, path, place):
    assert place_of(KINDS[kind], path) == place


def test_stand_ins_share_what_has_no_typed_leaf():
    tree = {"a": {"b": [1, "x"]}, "c": [Secret("env:A"), {"d": Unknown("K", "n", "id")}], "e": BROKEN}
    plain = stand_ins(tree)
    assert plain["a"] is tree["a"]
    assert plain["c"][1] == {"d": "placeholder"}
    assert isinstance(plain["c"][0], str)
    assert isinstance(tree["c"][0], Secret)
    assert stand_ins(tree["a"]) is tree["a"]
    assert stand_ins(Template(("x-", Unknown("K", "n", "id")))) == "x-placeholder"
