"""The example's far side: a file of messages. PUT THE CALLS OF YOUR OWN SERVICE
IN PLACE OF WHAT THE METHODS DO; provider.py can stay as it is.

- give the token to the service as idempotency key or message ID. Where it takes
  none, hold a lock for the token, deliver, write the receipt, and ask the
  service for the message when a receipt may be missing after a kill.
- keep receipts for at least a day.
- errors want a code: Error("denied", …), "quota", "invalid" (with the field,
  such as "recipients[0]"), "transient" (busy, time-out, HTTP 429 and 5xx;
  retry_after says when).
"""

import time

from store import Store
from wright_plugin import Error, has_tags


class Backend:
    def __init__(self, state_dir, api_token, quota):
        if api_token == "revoked-token":
            raise Error("denied", "the service does not know this api-token")
        self._store, self._quota = Store(state_dir), quota

    def deliver(self, request, call):
        with self._store.change() as messages:
            if request.token in messages:
                return
            if len(messages) >= self._quota:
                raise Error("quota", f"there are {len(messages)} messages, and no more are allowed")
            messages[request.token] = {
                "token": request.token, "subject": request.subject, "text": request.text,
                "recipients": list(request.recipients), "tags": dict(request.tags), "delivered_at": time.time_ns()}
            call.check()  # when nobody waits any more, deliver nothing

    def list(self, tags):
        """Gives every message that carries all of tags."""
        return [m for m in self._store.read().values() if has_tags(m["tags"], tags)]
