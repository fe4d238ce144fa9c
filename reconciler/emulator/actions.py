"""Executing data actions: who may run at once, with which environment, and what is kept of an execution."""

from __future__ import annotations

import base64
import signal
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any

import anyio
import orjson

from reconciler.emulator.action_env import read_environment
from reconciler.emulator.clock import Clock, timestamp
from reconciler.emulator.errors import ApiError, Problem, invalid, unprocessable
from reconciler.emulator.execution.call import HEAP_MEGABYTES, Call, Ending
from reconciler.emulator.execution.judge import problems_of, without_unset
from reconciler.emulator.execution.node import execute, find_node
from reconciler.emulator.fields import Doc
from reconciler.emulator.kind import SECRET_MASK
from reconciler.emulator.settings import Settings

AT_ONCE = 5
"""Executions that run at the same time; further ones wait."""

MAX_WAITING = 200
KEPT_EXECUTIONS = 200

LOGS_HEADER = "X-Execution-Logs"
MILLISECONDS_HEADER = "X-Execution-Milliseconds"
LOGS_HEADER_BYTES = 6 << 10
"""Most bytes of JSON in the header of logs; the oldest lines give way. A control shows all of them."""

_SHORTEST_SECRET = 4

_NO_MEMORY = "JavaScript heap out of memory"
"""What V8 prints when it gives up."""


@dataclass(frozen=True, slots=True)
class Execution:
    """What is kept of one execution, for ``GET /_emulator/actions/{id}/executions``."""

    request_id: str
    at: str
    status: int
    code: str
    milliseconds: int
    logs: Sequence[Doc]
    printed: str

    def as_json(self) -> Doc:
        """Give the execution as the control shows it."""
        return {
            "requestId": self.request_id,
            "at": self.at,
            "status": self.status,
            "code": self.code,
            "milliseconds": self.milliseconds,
            "logs": list(self.logs),
            "printed": self.printed,
        }


@dataclass(frozen=True, slots=True)
class Subject:
    """An action that is to be executed: its id, its whole document and its archive."""

    id: str
    doc: Doc = field(repr=False)
    code: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Output:
    """A valid output, and the headers that go with it."""

    value: Doc
    headers: Mapping[str, str]


class Actions:
    """Runs the tenant's actions. Raises StateError where the environment file can't be used."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._modules = settings.action_modules
        self._environment = read_environment(settings.action_env) if settings.action_env is not None else {}
        self._clock = clock
        self._limiter = anyio.CapacityLimiter(AT_ONCE)
        self._waiting = 0
        self._executions: deque[tuple[str, Execution]] = deque(maxlen=KEPT_EXECUTIONS)

    async def run(self, subject: Subject, inputs: Any, request_id: str) -> Output:
        """Execute an action; raises the ApiError that the contract has for each way to fail."""
        problems = problems_of(subject.doc["inputs"], inputs, "inputs")
        if problems:
            raise invalid(problems)
        node = find_node()
        if node is None:
            raise _unavailable("there is no Node.js on this machine")
        call = Call(
            subject.code,
            inputs,
            self._environment | _plain(subject.doc["environment"]),
            {"id": subject.id, "name": subject.doc["name"]},
            request_id,
            subject.doc["timeoutSeconds"],
            self._modules,
        )
        try:
            ending = await self._in_turn(node, call)
        except OSError as error:
            raise _unavailable(f"Node.js can't be started: {error}") from error
        except ValueError as error:
            raise ApiError(500, "INTERNAL", str(error)) from error
        return self._settle(subject, _redacted(ending, _secrets(subject.doc["environment"])), request_id)

    async def _in_turn(self, node: str, call: Call) -> Ending:
        if self._waiting >= MAX_WAITING:
            text = f"more than {MAX_WAITING} executions wait already"
            raise ApiError(HTTPStatus.TOO_MANY_REQUESTS, "RATE_LIMITED", text, headers={"Retry-After": "1"})
        self._waiting += 1
        try:
            async with self._limiter:
                return await execute(node, call)
        finally:
            self._waiting -= 1

    def _settle(self, subject: Subject, ending: Ending, request_id: str) -> Output:
        """Judge what came of it, and keep it."""
        refusal = _refusal(subject.doc, ending)
        headers = {
            LOGS_HEADER: logs_header(ending.logs),
            MILLISECONDS_HEADER: str(round(ending.seconds * 1000)),
        }
        execution = Execution(
            request_id,
            timestamp(self._clock.now()),
            HTTPStatus.OK if refusal is None else refusal.status,
            "" if refusal is None else refusal.code,
            round(ending.seconds * 1000),
            ending.logs,
            ending.printed,
        )
        self._executions.append((subject.id, execution))
        if refusal is not None:
            refusal.headers |= headers
            raise refusal
        return Output(ending.output, headers)

    def executions(self, id_: str) -> list[Execution]:
        """Give the latest executions of an action, the oldest first."""
        return [execution for action, execution in self._executions if action == id_]

    def clear(self) -> None:
        """Forget all executions."""
        self._executions.clear()


def logs_header(logs: Sequence[Doc]) -> str:
    """Write log lines for a header: base64 of a JSON array of ``{level, message, data}``, cut at its beginning."""
    kept: list[bytes] = []
    room = LOGS_HEADER_BYTES
    for index in range(len(logs) - 1, -1, -1):
        line = orjson.dumps(logs[index])
        room -= len(line) + 1
        if room < 0:
            text = f"{index + 1} earlier lines are left out here"
            kept.append(orjson.dumps({"level": "warn", "message": text}))
            break
        kept.append(line)
    return base64.b64encode(b"[%b]" % b",".join(reversed(kept))).decode()


def _refusal(doc: Doc, ending: Ending) -> ApiError | None:
    """Give the error that an execution ends in, or None where its output is good."""
    if ending.timed_out:
        text = f"the action did not answer within {doc['timeoutSeconds']} s"
        return ApiError(HTTPStatus.GATEWAY_TIMEOUT, "EXECUTION_TIMEOUT", text)
    if ending.answered:
        problems = problems_of(doc["outputs"], without_unset(doc["outputs"], ending.output), "outputs")
        if not problems:
            return None
        first = f"{problems[0].field}: {problems[0].message}"
        return unprocessable("OUTPUT_INVALID", f"the output is not what the action declares: {first}", problems)
    if ending.error is not None:
        code = str(ending.error.get("code") or "ACTION_FAILED")
        message = f"{ending.error.get('name')}: {ending.error.get('message')}"
        stack = str(ending.error.get("stack", ""))[:4096]
        return unprocessable(code, message[:2048], [Problem("stack", stack)] if stack else ())
    if ending.too_much:
        return unprocessable("OUTPUT_TOO_LARGE", "the action wrote more than it may")
    if ending.exit_code == -signal.SIGABRT and _NO_MEMORY in ending.printed:
        text = f"the action used more memory than it may: {HEAP_MEGABYTES} MB for its objects"
        return unprocessable("ACTION_FAILED", text)
    printed = ending.printed.strip()[-2048:]
    return unprocessable("ACTION_FAILED", _ended(ending.exit_code), [Problem("printed", printed)] if printed else ())


def _ended(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        return f"the action's process was killed by {signal.Signals(-exit_code).name} before it answered"
    return f"the action's process ended with {exit_code} and without an answer"


def _unavailable(why: str) -> ApiError:
    return ApiError(HTTPStatus.NOT_IMPLEMENTED, "RUNTIME_UNAVAILABLE", f"actions can't be executed here: {why}")


def _plain(environment: Mapping[str, Any]) -> dict[str, str]:
    return {name: value["value"] if isinstance(value, dict) else value for name, value in environment.items()}


def _secrets(environment: Mapping[str, Any]) -> list[str]:
    values = {value["value"] for value in environment.values() if isinstance(value, dict)}
    return sorted((value for value in values if len(value) >= _SHORTEST_SECRET), key=len, reverse=True)


def _redacted(ending: Ending, secrets: Sequence[str]) -> Ending:
    """Take secret values out of everything but the output, which is the action's own to say."""
    if not secrets:
        return ending

    def hide(value: Any) -> Any:
        if isinstance(value, str):
            for secret in secrets:
                value = value.replace(secret, SECRET_MASK)
            return value
        if isinstance(value, list):
            return [hide(item) for item in value]
        if isinstance(value, dict):
            return {hide(name): hide(item) for name, item in value.items()}
        return value

    return replace(ending, logs=hide(ending.logs), error=hide(ending.error), printed=hide(ending.printed))
