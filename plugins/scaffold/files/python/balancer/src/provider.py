"""What Wright asks a balancer for. The calls of the balancer are in backend.py."""

from configure import CONFIG, SETTINGS, Configured
from plugin.v1 import balancer_pb2
from wright_plugin import INSTALLATION_TAG, Error


class Provider(Configured):
    def set(self, request, call):
        """Sets all targets of a name, or none of them, and returns when new
        requests go there. A route of somebody else stays as it is."""
        owner_of(request.tags)
        targets = [{"address": t.address, "port": t.port} for t in request.targets]
        self.backend.set(normal(request.name), targets, dict(request.tags), call)

    def list(self, request, call):
        return [
            balancer_pb2.Route(name=r["name"], tags=r["tags"], targets=[balancer_pb2.Target(**t) for t in r["targets"]])
            for r in self.backend.list(request.tags)]

    def delete(self, request, call):
        """The missing is gone already, and what belongs to somebody else is no
        matter of ours."""
        self.backend.remove(normal(request.name), owner_of(request.tags), call)


def owner_of(tags):
    if not tags.get(INSTALLATION_TAG):
        raise Error("invalid", "is missing: nobody would own the route", "tags." + INSTALLATION_TAG)
    return tags[INSTALLATION_TAG]


def normal(name):
    """Gives the form in which names are compared."""
    return name.removesuffix(".").lower()
