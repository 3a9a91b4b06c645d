"""The example's database server: a file. PUT THE CALLS OF YOUR OWN SERVER IN
PLACE OF WHAT THE METHODS DO; provider.py can stay as it is.

- make the name of a database in the server of a hash: names that people choose
  are too long, hold anything, and are equal in other instances.
- write down token and tags before the database is made (in a table of the
  server, or as its comment): a kill in between must leave something that list
  finds.
- request.password, if not empty, is the password to set, every time; an empty
  one changes nothing. Wright has stored it. Never log it.
- errors want a code: Error("denied", …), "quota", "invalid" (with the field),
  "transient" (busy, time-out; retry_after says when).
"""

import hashlib

from store import Store
from wright_plugin import Error, has_tags


class Backend:
    def __init__(self, state_dir, api_token, quota):
        if api_token == "revoked-token":
            raise Error("denied", "the server does not know this api-token")
        self._store, self._quota = Store(state_dir), quota

    def create(self, request, call):
        own = id_of("persistent", request.instance, request.name) if request.persistent else id_of("ephemeral", request.token)
        with self._store.change() as databases:
            key = used_by(databases, request.token) or own
            if key not in databases:
                if len(databases) >= self._quota:
                    raise Error("quota", f"there are {len(databases)} databases, and no more are allowed")
                databases[key] = {
                    "id": key, "name": request.name, "persistent": request.persistent, "tokens": [], "password": "",
                    "tags": dict(request.tags)}
            d = databases[key]
            d["password"] = request.password or d["password"]
            if request.token not in d["tokens"]:
                d["tokens"].append(request.token)
            call.check()  # when nobody waits any more, make nothing
            return d

    def list(self, tags):
        """Gives every database that carries all of tags."""
        return [d for d in self._store.read().values() if has_tags(d["tags"], tags)]

    def remove(self, token, call):
        """Lets the token go, and with it the database unless it is persistent."""
        with self._store.change() as databases:
            key = used_by(databases, token)
            if key:
                databases[key]["tokens"].remove(token)
                if not databases[key]["persistent"]:
                    del databases[key]
            call.check()  # who gave up may have called again meanwhile


def used_by(databases, token):
    return next((key for key, d in databases.items() if token in d["tokens"]), None)


def id_of(*parts):
    """Makes a name that every server takes and nothing else has."""
    return "w_" + hashlib.sha256("".join(p + "\0" for p in parts).encode()).hexdigest()[:30]
