"""Records by key in one file. A change is made whole or not at all, whatever
dies and whenever, and by one process at a time: the agent may start a second one
before the first has ended. The example needs it in place of a service; yours
keeps its things itself, so this file can go."""

import contextlib
import fcntl
import json
import os


class Store:
    def __init__(self, directory):
        self._file = os.path.join(directory, "state.json")
        self._lock = os.path.join(directory, "lock")

    def read(self):
        """Gives all records."""
        try:
            with open(self._file, encoding="utf-8") as f:
                return json.load(f)
        except FileNotFoundError:
            return {}

    @contextlib.contextmanager
    def change(self):
        """Gives all records to change. Nothing is written when that fails."""
        with open(self._lock, "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # until the file is closed
            records = self.read()
            yield records
            new = self._file + ".new"
            with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as f:
                json.dump(records, f)
                f.flush()
                os.fsync(f.fileno())
            os.rename(new, self._file)
