"""The parts of one running emulator, put together."""

from __future__ import annotations

import time

from starlette.requests import Request

from reconciler.emulator.clock import Clock
from reconciler.emulator.faults import Faults
from reconciler.emulator.kinds import all_kinds
from reconciler.emulator.listing import Listing
from reconciler.emulator.rate_limit import RateLimit
from reconciler.emulator.request_log import RequestLog
from reconciler.emulator.resources import Resources
from reconciler.emulator.settings import Settings
from reconciler.emulator.store import Store
from reconciler.emulator.tokens import Tokens


class Emulator:
    """Everything that the routes share. Raises StateError where the settings' state file can't be used."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.kinds = all_kinds()
        self.shows_etags = settings.concurrency == "etag"
        self.store = Store(settings.state, list(self.kinds), show_etags=self.shows_etags)
        self.clock = Clock(lambda: self.store.clock_offset)
        self.resources = Resources(self.store, self.clock, settings.concurrency)
        self.tokens = Tokens(self.store, self.clock, settings)
        self.listing = Listing(settings.pagination, settings.page_size, self.store.etag_key)
        self.faults = Faults()
        self.log = RequestLog()
        self.limit = RateLimit(settings.rate_limit, time.monotonic()) if settings.rate_limit else None

    def reset(self) -> None:
        """Empty the tenant, the tokens, the faults and the log."""
        self.store.clear()
        self.faults.clear()
        self.log.clear()


def emulator_of(request: Request) -> Emulator:
    """Give the emulator that serves a request."""
    emulator: Emulator = request.app.state.emulator
    return emulator
