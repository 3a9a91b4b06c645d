"""What can be tested without a host; "make verify" tests the rest."""

import json
import tempfile
import types
import unittest
import unittest.mock

import configure
import provider
import wright_plugin


def settings(**table):
    return types.SimpleNamespace(
        state_dir=tempfile.mkdtemp(), installation="test", config=wright_plugin.read_table(configure.SETTINGS, "settings", table_json(table)))


def table_json(table):
    return json.dumps({k.replace("_", "-"): v for k, v in table.items()})


class Settings(unittest.TestCase):
    def test_defaults(self):
        self.assertEqual(settings().config["quota"], 100_000)

    def test_wrong(self):
        for table, field in [({"quota": -1}, "settings.quota"), ({"quota": "x"}, "settings.quota"), ({"nonsense": 1}, "settings.nonsense")]:
            with self.assertRaises(wright_plugin.Error) as caught:
                settings(**table)
            self.assertEqual((caught.exception.code, caught.exception.field), ("invalid", field))

    def test_denied(self):
        with self.assertRaises(wright_plugin.Error) as caught:
            provider.Provider().configure(settings(api_token="revoked-token"))
        self.assertEqual(caught.exception.code, "denied")


class Capabilities(unittest.TestCase):
    def test_found_and_declared(self):
        with_console = types.SimpleNamespace(console=None)
        with unittest.mock.patch.object(wright_plugin._Server, "_service"):
            server = wright_plugin._Server("cloud", "x", "1", with_console, None, "", None, None, ["this-host"], 2)
        self.assertEqual(list(server.about.capabilities), ["console", "this-host"])


class GivenUp(unittest.TestCase):
    def test_by_the_caller_or_the_clock(self):
        for left, code in [(0, "DEADLINE_EXCEEDED"), (5.0, "CANCELLED"), (None, "CANCELLED")]:
            def abort(status, _, code=code):
                self.assertEqual(status.name, code)
                raise SystemExit
            context = types.SimpleNamespace(time_remaining=lambda left=left: left, abort=abort)
            with self.assertRaises(SystemExit):
                wright_plugin._Server._abort(None, context, wright_plugin.Cancelled("the caller gave up"))


if __name__ == "__main__":
    unittest.main()
