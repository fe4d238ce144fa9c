"""Sockets that cannot be bound: each error has the way out that helps."""

from __future__ import annotations

import socket

import pytest

from reconciler.errors import JobError
from reconciler.jobs.extension_sync.serving import bind


def test_a_port_that_somebody_else_has_is_to_be_freed() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(JobError, match=f"the webhook cannot listen on 127.0.0.1:{port}: Address") as refused:
            bind(f"127.0.0.1:{port}", what="the webhook")
    assert refused.value.fix == f"free port {port}"


@pytest.mark.parametrize("listen", ["192.0.2.1:8809", "no-such-host.invalid:0", "[::ffff]:8809"])
def test_an_address_that_is_not_of_this_machine_is_to_be_corrected(listen: str) -> None:
    with pytest.raises(JobError) as refused:
        bind(listen, what="the webhook")
    assert refused.value.fix == "name an address of this machine and a free port in listen"
