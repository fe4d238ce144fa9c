"""A process that is killed while it writes leaves a ledger that reads back as one of the versions it wrote."""

import signal
import subprocess
import sys
from pathlib import Path

from reconciler.core.resource import Key
from reconciler.engine.state.ledger import NAME, parse_ledger

WRITER = """
import sys
from pathlib import Path
from reconciler.core.resource import Entry, Key
from reconciler.engine.state.file_store import FileStore
from reconciler.engine.state.ledger import LedgerWriter, load_ledger

store = FileStore(Path(sys.argv[1]))
writer = LedgerWriter(store, load_ledger(store, stack="s", target="t"))
number = 0
while True:
    number += 1
    for index in range(200):
        writer.put(Key("Dataset", f"d{index}"), Entry(Key("Dataset", f"d{index}"), str(number), {"name": str(number)}))
    writer.save()
    print(number, flush=True)
"""


def test_a_ledger_survives_sigkill(tmp_path: Path) -> None:
    for round_number in range(3):
        folder = tmp_path / str(round_number)
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        last = 0
        for _ in range(5 + round_number):
            last = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        process.wait(30)
        process.stdout.close()
        ledger = parse_ledger((folder / NAME).read_bytes())
        versions = {entry.id for entry in ledger.entries.values()}
        assert len(ledger.entries) == 200
        assert len(versions) == 1
        assert int(versions.pop()) >= last
        assert Key("Dataset", "d0") in ledger.entries
