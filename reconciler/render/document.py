"""JSON documents: plans and reports as bytes that are the same for the same value, whatever the machine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from reconciler.core.plan import Plan
from reconciler.core.planfile import plan_to_json
from reconciler.core.report import Report, report_to_json


def render_json(data: Mapping[str, Any]) -> str:
    """A JSON document, indented by two, ended by a newline, in the order of its keys.

    Lone surrogates and integers beyond 64 bits, which orjson refuses, are written by the standard library.
    """
    import orjson

    try:
        return orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()
    except TypeError:
        return json.dumps(data, indent=2) + "\n"


def render_plan_json(plan: Plan) -> str:
    """A plan with its digests (schemas/plan.json)."""
    return render_json(plan_to_json(plan))


def render_report_json(report: Report) -> str:
    """A report (schemas/report.json)."""
    return render_json(report_to_json(report))
