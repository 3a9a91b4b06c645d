"""What Wright asks a notifier for. The calls of the service are in backend.py."""

from configure import CONFIG, SETTINGS, Configured
from plugin.v1 import notifier_pb2


class Provider(Configured):
    def notify(self, request, call):
        """Returns when the far side has taken the message. It may be called
        again with the same token while it runs and after this process was
        killed; nobody wants to read it twice."""
        self.backend.deliver(request, call)

    def receipts(self, request, call):
        return [message(r) for r in self.backend.list(request.tags)]


def message(r):
    m = notifier_pb2.Receipt(token=r["token"], tags=r["tags"])
    m.delivered_at.FromNanoseconds(r["delivered_at"])
    return m
