"""The example's sandboxes: names of processes on this host. PUT YOUR CONTAINERS
OR SESSIONS IN PLACE OF WHAT THE METHODS DO; provider.py can stay as it is.

- create: "podman run -d --name HASH -v WORKSPACE:WORKSPACE …", with the token
  and the tags as labels in the same command.
- wrap: "podman exec … HASH ARGS". Arguments, variables and directory must arrive
  as they are, the exit status must come back, and when the agent kills the
  process group of the wrapper, the command must end too.
- errors want a code: Error("denied", …), "quota", "not-found", "invalid" (with
  the field), "transient" (busy; retry_after says when).
"""

import hashlib
import time

import inside
from plugin.v1 import runner_pb2
from store import Store
from wright_plugin import Error, has_tags


class Backend:
    def __init__(self, state_dir, api_token, quota):
        if api_token == "revoked-token":
            raise Error("denied", "nobody knows this api-token")
        self._store, self._quota = Store(state_dir), quota

    def create(self, request, call):
        with self._store.change() as sandboxes:
            if request.token not in sandboxes:
                if len(sandboxes) >= self._quota:
                    raise Error("quota", f"there are {len(sandboxes)} sandboxes, and no more are allowed")
                sandboxes[request.token] = {
                    "token": request.token, "id": id_of(request.token), "tags": dict(request.tags),
                    "created_at": time.time_ns()}
                call.check()  # when nobody waits any more, make nothing
            return sandboxes[request.token]

    def get(self, token):
        sandbox = self._store.read().get(token)
        if sandbox is None:
            raise Error("not-found", "there is no such sandbox")
        return sandbox

    def list(self, tags):
        """Gives every sandbox that carries all of tags."""
        return [s for s in self._store.read().values() if has_tags(s["tags"], tags)]

    def wrap(self, sandbox, command):
        """Marks what the command starts as being inside."""
        return runner_pb2.Command(args=command.args, env={**command.env, inside.MARK: sandbox["id"]}, dir=command.dir)

    def remove(self, token, call):
        """Ends what runs inside. The record goes last, so that a call that dies
        half way can be repeated."""
        inside.end_all(id_of(token), call)
        with self._store.change() as sandboxes:
            sandboxes.pop(token, None)
            call.check()  # who gave up may have called again meanwhile


def id_of(token):
    """Makes a name that every container takes."""
    return hashlib.sha256(token.encode()).hexdigest()[:32]
