"""The example's cloud: a file. PUT THE CALLS OF YOUR OWN CLOUD IN PLACE OF WHAT
THE METHODS DO; provider.py can stay as it is.

- create must give the token and the tags to the cloud in the same request that
  makes the server (as idempotency key, unique name or metadata): if they came
  in a second one, a kill between both would leak the server.
- errors want a code: Error("quota", …), "denied", "not-found", "invalid" (with
  the field), "transient" (busy, time-out, HTTP 429 and 5xx; retry_after says when).
- a list must follow the pages of the API to the end.
"""

import hashlib
import ipaddress
import time

from store import Store
from wright_plugin import Error, has_tags

now = time.time_ns


class Backend:
    def __init__(self, state_dir, api_token, quota):
        if api_token == "revoked-token":
            raise Error("denied", "the cloud does not know this api-token")
        self._store, self._quota = Store(state_dir), quota

    def create(self, request, call):
        """Asks for a server, and gives the one of the token if there is one."""
        with self._store.change() as servers:
            if request.token not in servers:
                if len(servers) >= self._quota:
                    raise Error("quota", f"there are {len(servers)} servers, and no more are allowed")
                servers[request.token] = {
                    "token": request.token, "name": request.name, "address": address_of(request.token),
                    "tags": dict(request.tags), "env": dict(request.env),  # may hold secrets
                    "class": call.config["class"], "created_at": now(),
                }
                call.check()  # when nobody waits any more, make nothing
            return servers[request.token]

    def get(self, token):
        server = self._store.read().get(token)
        if server is None:
            raise Error("not-found", "there is no such server")
        return server

    def list(self, tags):
        """Gives every server that carries all of tags."""
        return [s for s in self._store.read().values() if has_tags(s["tags"], tags)]

    def remove(self, token, call):
        """Returns when nothing is left of the server."""
        with self._store.change() as servers:
            servers.pop(token, None)
            call.check()  # who gave up may have called again meanwhile


def address_of(token):
    """Makes an address of the block that RFC 3849 keeps for examples."""
    return str(ipaddress.IPv6Address(bytes([0x20, 0x01, 0x0D, 0xB8]) + hashlib.sha256(token.encode()).digest()[:12]))
