"""What Wright asks a database provider for. The calls of the server are in backend.py."""

from urllib.parse import quote

from configure import CONFIG, SETTINGS, Configured
from plugin.v1 import database_pb2


class Provider(Configured):
    def create(self, request, call):
        """May be called again with the same token while it runs, after it was
        cancelled and after this process was killed; there must never be a
        second database. A persistent one is found again by instance and name,
        whatever the token."""
        call.report("making the database")
        return message(self.backend.create(request, call), request.token)

    def list(self, request, call):
        """Gives an entry for each token, and one without a token for a
        persistent database that nobody uses."""
        return [message(d, token) for d in self.backend.list(request.tags) for token in d["tokens"] or [""]]

    def delete(self, request, call):
        """The database goes with all that is in it, of a persistent one only
        the token. The missing is gone already."""
        self.backend.remove(request.token, call)


def message(d, token):
    user = d["id"] + (":" + quote(d["password"], safe="") if d["password"] else "")
    url = f"example://{user}@db.example.test/{d['id']}"
    return database_pb2.Database(
        token=token, name=d["name"], url=url, persistent=d["persistent"], tags=d["tags"],
        variables={"URL": url, "HOST": "db.example.test", "USER": d["id"], "PASSWORD": d["password"]})
