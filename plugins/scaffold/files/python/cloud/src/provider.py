"""What Wright asks a cloud provider for. The calls of the cloud are in backend.py."""

from backend import now
from configure import CONFIG, SETTINGS, Configured
from plugin.v1 import cloud_pb2


class Provider(Configured):
    def create(self, request, call):
        """May be called again with the same token while it runs, after it was
        cancelled and after this process was killed; there must never be a
        second server."""
        call.report("asking for the server")
        server = self.backend.create(request, call)
        while state(server) == "starting":
            call.report("waiting for the server to boot", 0.5)
            call.wait(0.01)  # seconds, where a server takes minutes
            server = self.backend.get(request.token)
        return message(server)

    def get(self, request, call):
        return message(self.backend.get(request.token))

    def list(self, request, call):
        """Must show what a create that was killed has left, whatever its state:
        what it does not show is paid for ever."""
        return [message(s) for s in self.backend.list(request.tags)]

    def delete(self, request, call):
        """Returns when the server is gone, not when its end was asked for; the
        missing is gone already."""
        self.backend.remove(request.token, call)

    def console(self, request, call):
        """Is optional: take it away if you cannot."""
        return f"{self.backend.get(request.token)['address']} booted\n".encode()


def state(server):
    return "starting" if now() - server["created_at"] < 20_000_000 else "running"  # this cloud boots in 20 ms


def message(server):
    m = cloud_pb2.Server(
        token=server["token"], name=server["name"], address=server["address"], port=80, state=state(server),
        tags=server["tags"], variables={"WRIGHT_APPSERVER_CLASS": server["class"]})
    m.created_at.FromNanoseconds(server["created_at"])
    return m
