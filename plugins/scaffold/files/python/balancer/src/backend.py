"""The example's load balancer: a file. PUT THE CALLS OF YOUR OWN BALANCER IN
PLACE OF WHAT THE METHODS DO; provider.py can stay as it is.

- set must replace all targets of a name at once and come back when the balancer
  uses them, not when it was told: visitors come right after.
- a configuration that the balancer refuses must leave the old one in force
  (write beside, check, rename, reload), for every other name too.
- tags say who owns a route. Where there are none, keep them in a comment.
- errors want a code: Error("denied", …), "quota", "exists" (it belongs to
  somebody else), "invalid" (with the field), "transient" (busy, time-out, HTTP
  429 and 5xx; retry_after says when).
"""

from store import Store
from wright_plugin import INSTALLATION_TAG, Error, has_tags


class Backend:
    def __init__(self, state_dir, api_token, quota):
        if api_token == "revoked-token":
            raise Error("denied", "the balancer does not know this api-token")
        self._store, self._quota = Store(state_dir), quota

    def set(self, name, targets, tags, call):
        with self._store.change() as routes:
            old = routes.get(name)
            if old and old["tags"][INSTALLATION_TAG] != tags[INSTALLATION_TAG]:
                raise Error("exists", f"{name} belongs to another installation")
            if not old and len(routes) >= self._quota:
                raise Error("quota", f"there are {len(routes)} routes, and no more are allowed")
            routes[name] = {"name": name, "targets": targets, "tags": tags}
            call.check()  # when nobody waits any more, change nothing

    def list(self, tags):
        """Gives every route that carries all of tags."""
        return [r for r in self._store.read().values() if has_tags(r["tags"], tags)]

    def remove(self, name, owner, call):
        with self._store.change() as routes:
            if name in routes and routes[name]["tags"][INSTALLATION_TAG] == owner:
                del routes[name]
            call.check()  # who gave up may have called again meanwhile
