"""The rules that binding enforces, each with the code that diagnostics carry and the text of ``reconciler explain CODE``.

Codes are stable and grouped: M2xx what surrounds a spec, M3xx fields, M4xx references, M5xx variables and secrets, M6xx code
bundles, M7xx what a kind checks by itself.
"""

from __future__ import annotations

from typing import Final

from reconciler.core.diagnostic import Rule

NOT_A_MANIFEST: Final = Rule(
    "M201",
    "not a manifest",
    "A manifest is a map with exactly four keys: apiVersion, kind, metadata and spec.",
)
API_VERSION: Final = Rule(
    "M202", "wrong apiVersion", "This tool reads apiVersion cxone.reconciler/v1; newer versions need a newer tool."
)
UNKNOWN_KIND: Final = Rule(
    "M203", "unknown kind", "kind must name one of the kinds that this tool knows; `reconciler explain` lists them."
)
UNKNOWN_KEY: Final = Rule(
    "M204",
    "unknown key",
    "Keys that mean nothing are refused, since they are usually a misspelt key that means something.",
)
METADATA: Final = Rule(
    "M205",
    "invalid metadata",
    "metadata needs a name (lower-case letters, digits and hyphens, at most 63, RFC 1123) and may hold labels, annotations, "
    "targets, movedFrom and lifecycle.",
)
DUPLICATE_KEY: Final = Rule(
    "M206", "duplicate manifest", "Kind/metadata.name identifies a manifest and may occur once in a project."
)
DUPLICATE_NAME: Final = Rule(
    "M207",
    "duplicate live name",
    "A live name is unique in its collection (contract: Resources), so two manifests of a kind cannot declare the same one.",
)
MOVED_FROM: Final = Rule(
    "M208",
    "invalid movedFrom",
    "movedFrom names the Kind/name that a manifest had before it was renamed; that manifest must be gone, and only one "
    "manifest can take its place.",
)
UNKNOWN_TARGET: Final = Rule("M209", "unknown target", "metadata.targets lists targets that reconciler.yaml declares.")
IGNORE_CHANGES: Final = Rule(
    "M210",
    "invalid ignoreChanges",
    "lifecycle.ignoreChanges lists dotted paths of fields that the kind sends to the tenant.",
)
PATCH: Final = Rule(
    "M211",
    "invalid patch",
    "A target's patch is a document with kind, metadata.name and the fields to merge (RFC 7396) into the manifest of that "
    "name, which must exist.",
)
API_PATH: Final = Rule(
    "M212",
    "unknown kind in api.paths",
    "api.paths of a target overrides the collection path of resource kinds, by kind.",
)
MISSING: Final = Rule("M301", "missing field", "The kind requires this field.")
UNKNOWN_FIELD: Final = Rule("M302", "unknown field", "The kind has no field of this name.")
WRONG_TYPE: Final = Rule("M303", "wrong type", "The value is of another type than the field.")
NOT_ALLOWED: Final = Rule("M304", "value not allowed", "The field takes one of a few values, and this is none of them.")
LIMIT: Final = Rule(
    "M305", "outside the limits", "The value is too small, too large, too short or too long (contract)."
)
MALFORMED: Final = Rule(
    "M306", "malformed value", "The value is of the right type and does not have the form it needs."
)
FIELD_RULE: Final = Rule("M307", "invalid value", "The value contradicts a rule of the field.")
BAD_REFERENCE: Final = Rule("M401", "malformed reference", "A reference is written Kind/name.")
NO_SUCH_MANIFEST: Final = Rule(
    "M402", "no such manifest", "A reference must name a manifest of this project that exists for the target."
)
WRONG_KIND: Final = Rule("M403", "wrong kind of reference", "This field refers to manifests of certain kinds only.")
CYCLE: Final = Rule(
    "M404", "dependency cycle", "Manifests that depend on each other in a circle can never be created in order."
)
NOT_REFERABLE: Final = Rule(
    "M405", "field not referable", "${ref:…} reads stable live fields only, which the kind lists; most often id."
)
BAD_EXPRESSION: Final = Rule(
    "M501",
    "malformed expression",
    "Expressions are ${var:NAME}, ${env:NAME}, ${file:PATH}, ${secret:PROVIDER:PATH#KEY} and ${ref:Kind/name.field}; "
    "$${ stands for a literal ${.",
)
UNKNOWN_VARIABLE: Final = Rule("M502", "unknown variable", "${var:NAME} reads vars of the target in reconciler.yaml.")
ENVIRONMENT: Final = Rule("M503", "environment variable not set", "${env:NAME} reads the environment of this process.")
FILE: Final = Rule(
    "M504", "file not usable", "${file:PATH} reads a UTF-8 text file of at most 1 MiB inside the project's folder."
)
LITERAL_SECRET: Final = Rule(
    "M505",
    "secret in the clear",
    "A secret field holds a reference such as ${secret:env:NAME}, never the value itself: manifests live in git.",
)
MISPLACED_SECRET: Final = Rule(
    "M506", "secret in a plain field", "The value of a plain field is shown in plans, so a secret cannot stand there."
)
NOT_WHOLE: Final = Rule(
    "M507", "secret inside a string", "A secret is the whole value of a field, so that it stays a secret by type."
)
BAD_PROVIDER: Final = Rule(
    "M508",
    "invalid secret reference",
    "A secret reference names a provider (env, file, vault) and what to read from it.",
)
SECRET_UNAVAILABLE: Final = Rule(
    "M509", "secret unavailable", "The secret's provider was reached and has no such value, or cannot be used here."
)
NO_EXPRESSIONS: Final = Rule(
    "M510", "expression not possible here", "Expressions are resolved in values inside spec, and nowhere else."
)
NOT_TEXT: Final = Rule(
    "M511", "variable is not a scalar", "Inside a string only variables that are text, numbers or booleans can stand."
)
NO_CODE: Final = Rule("M601", "no code", "code.path names a folder of the project that holds an index.js.")
CODE_OUTSIDE: Final = Rule(
    "M602",
    "code outside",
    "Everything in a bundle lies in its code folder, inside the project; links may not lead out.",
)
CODE_UNREADABLE: Final = Rule(
    "M603", "code not readable", "A bundle holds regular files that can be read and whose names a zip can hold."
)
CODE_TOO_LARGE: Final = Rule(
    "M604", "bundle too large", "A bundle holds at most 50 MB and 10,000 files; code.exclude leaves files out."
)
KIND_CHECK: Final = Rule(
    "M701", "check of the kind", "A kind's own rules, which concern several fields or manifests at once, are not met."
)

RULES: Final[tuple[Rule, ...]] = tuple(value for value in list(globals().values()) if isinstance(value, Rule))
"""All rules of this module, in the order of their codes."""
