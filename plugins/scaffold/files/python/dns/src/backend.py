"""The example's name server: a file. PUT THE CALLS OF YOUR OWN NAME SERVER IN
PLACE OF WHAT THE METHODS DO; provider.py can stay as it is.

- set must replace all records of a domain at once: a resolver that asks
  meanwhile gets the old ones or the new ones. Where the API has no such call,
  add the new ones before the old ones are deleted.
- tags say who owns a domain. Where the API has none, keep them in a TXT record
  beside it, written in the same request.
- errors want a code: Error("denied", …), "quota", "exists" (it belongs to
  somebody else), "invalid" (with the field), "transient" (busy, time-out, HTTP
  429 and 5xx; retry_after says when).
- a list must follow the pages of the API to the end.
"""

from store import Store
from wright_plugin import INSTALLATION_TAG, Error, has_tags


class Backend:
    def __init__(self, state_dir, api_token, quota):
        if api_token == "revoked-token":
            raise Error("denied", "the name server does not know this api-token")
        self._store, self._quota = Store(state_dir), quota

    def set(self, domain, records, tags, call):
        with self._store.change() as domains:
            old = domains.get(domain)
            if old and old["tags"][INSTALLATION_TAG] != tags[INSTALLATION_TAG]:
                raise Error("exists", f"{domain} belongs to another installation")
            if not old and len(domains) >= self._quota:
                raise Error("quota", f"there are {len(domains)} domains, and no more are allowed")
            domains[domain] = {"domain": domain, "records": records, "tags": tags}
            call.check()  # when nobody waits any more, change nothing

    def list(self, tags):
        """Gives every domain that carries all of tags."""
        return [d for d in self._store.read().values() if has_tags(d["tags"], tags)]

    def remove(self, domain, owner, call):
        with self._store.change() as domains:
            if domain in domains and domains[domain]["tags"][INSTALLATION_TAG] == owner:
                del domains[domain]
            call.check()  # who gave up may have called again meanwhile
