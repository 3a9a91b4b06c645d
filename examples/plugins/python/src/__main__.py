"""wright-notifier-maildir is the notifier "maildir" of Wright: an example of what
a third party ships, in Python. It delivers messages into a Maildir, where any
mail program or server (Dovecot, mutt) shows them."""

import wright_plugin
from plugin.v1 import notifier_pb2
from provider import CONFIG, SETTINGS, Provider

if __name__ == "__main__":
    wright_plugin.serve(
        "notifier", "maildir", "1.0.0", Provider(), notifier_pb2, settings=SETTINGS, config=CONFIG,
        doc="Mail in a directory: messages go into a Maildir on the agent's host, one for each recipient's folder.")
