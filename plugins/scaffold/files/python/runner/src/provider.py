"""What Wright asks a runner for. What a sandbox is stands in backend.py."""

from configure import CONFIG, SETTINGS, Configured
from plugin.v1 import runner_pb2


class Provider(Configured):
    def create(self, request, call):
        """May be called again with the same token while it runs, after it was
        cancelled and after this process was killed; there must never be a
        second sandbox."""
        call.report("making the sandbox")
        return message(self.backend.create(request, call))

    def command(self, request, call):
        """Gives what the agent executes; it follows its output and kills its
        process group to end it."""
        return self.backend.wrap(self.backend.get(request.token), request.command)

    def list(self, request, call):
        return [message(s) for s in self.backend.list(request.tags)]

    def delete(self, request, call):
        """Returns when nothing runs in the sandbox any more; the missing is
        gone already."""
        self.backend.remove(request.token, call)


def message(sandbox):
    m = runner_pb2.Sandbox(token=sandbox["token"], tags=sandbox["tags"])
    m.created_at.FromNanoseconds(sandbox["created_at"])
    return m
