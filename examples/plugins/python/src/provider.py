"""What Wright asks a notifier for, answered with a Maildir."""

import os
import shutil
import time

from maildir import ADDRESS, Maildir, Receipts, compose
from plugin.v1 import notifier_pb2
from wright_plugin import Error, Field, log

# The keys of the provider's table of the agent's configuration.
SETTINGS = [
    Field("directory", "The Maildir. Its parent must exist. Without it messages go into the plugin's own directory.", example="/var/mail/wright"),
    Field("quota", "How many MiB of the file system must stay free.", type="integer", default=16, min=0),
    Field("keep", "How long it is remembered that a message was delivered.", type="duration", default="720h"),
]

# The keys of the provider's table in a manifest.
CONFIG = [
    Field("from", "Who the mail is from.", default="wright@localhost", max=200),
    Field("important", "Events whose mail is marked as important.", type="list", default=["build-failed"]),
]


class Provider:
    def configure(self, settings):
        directory = settings.config.get("directory") or os.path.join(settings.state_dir, "Maildir")
        if not os.path.isabs(directory):
            raise Error("invalid", "is not an absolute path", "settings.directory")
        try:
            self._maildir = Maildir(directory)
            self._receipts = Receipts(os.path.join(settings.state_dir, "receipts"), keep=settings.config["keep"])
        except PermissionError as e:
            raise Error("denied", f"make the Maildir: {e.strerror}")
        except OSError as e:
            raise Error("invalid", f"cannot be made: {e.strerror}", "settings.directory")
        self._free = settings.config["quota"] << 20
        log.debug("delivers to %s", directory)

    def notify(self, request, call):
        """Delivers once for each token. The name of the file is made of the
        token, so that a second delivery meets the first one; the receipt comes
        after it, for the time when somebody has moved or deleted the mail."""
        with self._receipts.lock(request.token):
            if self._receipts.has(request.token):
                return
            if not self._maildir.has(request.token):
                self._deliver(request, call)
            self._receipts.write(request.token, dict(request.tags), time.time_ns())

    def _deliver(self, request, call):
        if shutil.disk_usage(self._maildir.path).free < self._free:
            raise Error("quota", "the file system of the Maildir is full")
        if not ADDRESS.fullmatch(call.config["from"]):
            raise Error("invalid", "is no mail address", "config.from")
        mail = compose(request, call.config)
        call.check()  # when nobody waits any more, deliver nothing
        try:
            self._maildir.deliver(request.token, mail)
        except OSError as e:
            raise Error("transient", f"write the mail: {e.strerror}", retry_after=5)

    def receipts(self, request, call):
        return [receipt(r) for r in self._receipts.list(request.tags)]


def receipt(r):
    m = notifier_pb2.Receipt(token=r["token"], tags=r["tags"])
    m.delivered_at.FromNanoseconds(r["delivered_at"])
    return m
