"""Checkpoints of SQLite beside the writer: what was committed moves from the log into the file while others commit on.

Left to itself the writer does that within a commit, once for 16,000 pages, and whoever waits for the commit waits for it:
75 ms among a million sessions. It still does when the log is that long, since only he can begin it anew; what is left to
copy then is what was written in the last moment.
"""

import sqlite3
import threading
from contextlib import suppress

#: Commits that are worth a checkpoint, and seconds in which others join them.
ENOUGH, PAUSE = 16, 0.1


class Checkpoints:
    """A thread and a connection that do nothing else."""

    def __init__(self, filename: str) -> None:
        """Open the file; nothing is done before there is enough to do."""
        self._raw = sqlite3.connect(filename, timeout=0, isolation_level=None, check_same_thread=False)
        self._raw.execute("PRAGMA synchronous=FULL").close()
        self._commits = 0
        self._due, self._is_over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="sqlite-checkpoints")
        self._thread.start()

    def committed(self) -> None:
        """Count a commit."""
        self._commits += 1
        if self._commits >= ENOUGH and not self._due.is_set():
            self._due.set()

    def close(self) -> None:
        """Finish what is being copied, and close the connection."""
        self._is_over.set()
        self._due.set()
        self._thread.join()
        self._raw.close()

    def _run(self) -> None:
        while True:
            self._due.wait()
            # Cleared before anybody looks whether it is over: `close` says so first, and sets this one afterwards. The other
            # way round its sign could be wiped away unseen, and both would wait for ever.
            self._due.clear()
            self._commits = 0  # should the writer undo that right now, the next checkpoint comes a little early
            if self._is_over.wait(PAUSE):
                return
            # Passive: nobody waits for it, and it waits for nobody. Whatever a disk has against it, a commit will hear it too.
            with suppress(sqlite3.Error):
                self._raw.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
