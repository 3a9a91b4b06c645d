"""What can be tested without a host; "make verify" tests the rest."""

import email
import email.policy
import os
import tempfile
import types
import unittest

import provider
import wright_plugin
from plugin.v1 import notifier_pb2


class Nobody:
    """A call that nobody gives up."""

    config = wright_plugin.read_table(provider.CONFIG, "config", b"")

    def check(self):
        pass


def configured(**table):
    p, state = provider.Provider(), tempfile.mkdtemp()
    config = {"quota": 0, "keep": "24h", **table}
    p.configure(types.SimpleNamespace(state_dir=state, installation="test", config=config))
    return p, os.path.join(state, "Maildir")


def message(**fields):
    return notifier_pb2.NotifyRequest(**{"token": "t", "event": "build-failed", "subject": "shop-7 failed", "text": "see", **fields})


class Delivery(unittest.TestCase):
    def test_once(self):
        p, maildir = configured()
        for _ in range(3):
            p.notify(message(), Nobody())
        self.assertEqual(len(os.listdir(maildir + "/new")), 1)

    def test_read_and_deleted(self):
        p, maildir = configured()
        p.notify(message(), Nobody())
        os.remove(os.path.join(maildir, "new", os.listdir(maildir + "/new")[0]))
        p.notify(message(), Nobody())
        self.assertEqual(os.listdir(maildir + "/new"), [])

    def test_killed_before_the_receipt(self):
        p, maildir = configured()
        p._maildir.deliver("t", b"mail")
        name = os.listdir(maildir + "/new")[0]
        os.rename(f"{maildir}/new/{name}", f"{maildir}/cur/{name}:2,S")  # somebody has read it
        p.notify(message(), Nobody())
        self.assertEqual(os.listdir(maildir + "/new"), [])
        self.assertEqual([r.token for r in p.receipts(notifier_pb2.ListReceiptsRequest(), Nobody())], ["t"])

    def test_mail(self):
        p, maildir = configured()
        p.notify(message(subject="ü\u2028Bcc: x@example.test", recipients=["ops@example.test"], url="http://wright.example.test/"), Nobody())
        with open(os.path.join(maildir, "new", os.listdir(maildir + "/new")[0]), "rb") as f:
            mail = email.message_from_binary_file(f, policy=email.policy.default)
        self.assertIsNone(mail["Bcc"])
        self.assertEqual((mail["To"], mail["Importance"]), ("ops@example.test", "high"))
        self.assertIn("http://wright.example.test/", mail.get_content())

    def test_no_room(self):
        p, _ = configured(quota=1 << 40)
        with self.assertRaises(wright_plugin.Error) as caught:
            p.notify(message(), Nobody())
        self.assertEqual(caught.exception.code, "quota")

    def test_relative_directory(self):
        with self.assertRaises(wright_plugin.Error) as caught:
            configured(directory="Maildir")
        self.assertEqual((caught.exception.code, caught.exception.field), ("invalid", "settings.directory"))


if __name__ == "__main__":
    unittest.main()
