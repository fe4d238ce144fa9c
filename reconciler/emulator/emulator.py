"""The parts of one running emulator, put together."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from starlette.requests import Request

from reconciler.emulator.actions import Actions
from reconciler.emulator.clock import Clock
from reconciler.emulator.errors import ApiError, StateError
from reconciler.emulator.faults import Faults
from reconciler.emulator.fields import Doc
from reconciler.emulator.health_events import HealthEvents
from reconciler.emulator.http import parse_object
from reconciler.emulator.ingest import Ingestion
from reconciler.emulator.kinds import all_kinds
from reconciler.emulator.listing import Listing
from reconciler.emulator.rate_limit import RateLimit
from reconciler.emulator.records import Records
from reconciler.emulator.request_log import RequestLog
from reconciler.emulator.resources import Resources
from reconciler.emulator.seeding import Seeder
from reconciler.emulator.settings import Settings
from reconciler.emulator.store import Store
from reconciler.emulator.streams import Streams
from reconciler.emulator.syncs.landing import Parts
from reconciler.emulator.syncs.runner import Runner
from reconciler.emulator.syncs.table import SyncTable
from reconciler.emulator.tokens import Tokens


class Emulator:
    """Everything that the routes share. Raises StateError where the settings' state file can't be used."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.kinds = all_kinds()
        self.shows_etags = settings.concurrency == "etag"
        self.store = Store(settings.state, list(self.kinds), show_etags=self.shows_etags, copied=settings.copied)
        self.records = Records(self.store)
        self.clock = Clock(lambda: self.store.clock_offset)
        self.resources = Resources(self.store, self.clock, settings.concurrency)
        self.ingestion = Ingestion(self.kinds["Dataset"], self.store, self.resources, self.records)
        self.tokens = Tokens(self.store, self.clock, settings)
        self.listing = Listing(settings.pagination, settings.page_size, self.store.etag_key)
        self.seeder = Seeder(self.store, self.resources, self.kinds)
        self.streams = Streams(self.store, self.clock)
        self.syncs = SyncTable(self.store)
        self.runner = Runner(self._sync_parts())
        self.health_events = HealthEvents(self.store)
        self.actions = Actions(settings, self.clock)
        self.faults = Faults()
        self.log = RequestLog()
        self.limit = RateLimit(settings.rate_limit, time.monotonic()) if settings.rate_limit else None
        self._begin()

    def _sync_parts(self) -> Parts:
        extensions, secret = self.kinds["DataExtension"], self.settings.webhook_secret
        return Parts(self.store, self.clock, extensions, self.resources, self.records, self.syncs, secret)

    def _begin(self) -> None:
        """Take in the files that the settings name; a tenant that holds something already is not seeded."""
        if self.settings.faults is not None:
            self._from_file(self.settings.faults, self.faults.add)
        if self.settings.seed is not None and not any(c.rows for c in self.store.collections.values()):
            self._from_file(self.settings.seed, self.seed)

    @staticmethod
    def _from_file(path: Path, use: Callable[[Doc], object]) -> None:
        try:
            use(parse_object(path.read_bytes()))
        except OSError as error:
            raise StateError(
                "FILE_UNREADABLE", f"{path} can't be read: {error}", "name a file that is there"
            ) from error
        except ApiError as error:
            fix = "write the JSON that the control of the same name takes"
            raise StateError("FILE_INVALID", f"{path}: {error.message}", fix) from error

    def seed(self, body: Doc) -> dict[str, int]:
        """Fill the tenant; all or nothing."""
        with self.store.transaction():
            return self.seeder.seed(body)

    def reset(self) -> None:
        """Empty the tenant, the tokens, the faults and the log."""
        self.runner.cancel()
        self.store.clear()
        with self.store.transaction():
            self.records.clear()
            self.syncs.clear()
            self.health_events.clear()
        self.actions.clear()
        self.faults.clear()
        self.log.clear()


def emulator_of(request: Request) -> Emulator:
    """Give the emulator that serves a request."""
    emulator: Emulator = request.app.state.emulator
    return emulator
