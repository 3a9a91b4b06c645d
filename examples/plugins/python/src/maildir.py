"""Mail in files: how a message is written as mail, a Maildir, and receipts."""

import contextlib
import email.message
import email.policy
import email.utils
import fcntl
import hashlib
import json
import os
import re
import time

from wright_plugin import Error, duration, has_tags


ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}(@[A-Za-z0-9.-]{1,253})?")


def compose(request, config):
    """Makes mail of a message. What comes from builds cannot add headers."""
    for i, r in enumerate(request.recipients):
        if not ADDRESS.fullmatch(r):
            raise Error("invalid", f"{r[:60]!r} is no mail address", f"recipients[{i}]")
    mail = email.message.EmailMessage(policy=email.policy.SMTP.clone(linesep="\n", utf8=True))
    mail["From"] = config["from"]
    mail["To"] = ", ".join(request.recipients) or "undisclosed-recipients:;"
    mail["Subject"] = one_line(request.subject)
    mail["Date"] = email.utils.formatdate(time.time())
    mail["Message-ID"] = f"<{name_of(request.token)}@wright>"
    if request.event in config["important"]:
        mail["Importance"] = "high"
    for header, value in (("X-Wright-Event", request.event), ("X-Wright-Instance", request.instance), ("X-Wright-Build", request.build)):
        if value:
            mail[header] = one_line(value)
    mail.set_content(request.text + (f"\n{request.url}\n" if request.url else ""))
    return bytes(mail)


def one_line(text):
    return " ".join(text.splitlines())  # there are more line breaks in Unicode than control characters


def name_of(token):
    """Makes a file name of a token, which may hold anything."""
    return hashlib.sha256(token.encode()).hexdigest()[:32]


def write_file(path, data):
    """Writes a file that survives a power cut, as long as nobody looks for it by name."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as f:
        f.write(data)
        f.flush()
        os.fsync(f.fileno())


class Maildir:
    """new/ has what nobody has seen, cur/ the rest; tmp/ is for writing."""

    def __init__(self, path):
        self.path = path
        for d in (path, *(os.path.join(path, d) for d in ("tmp", "new", "cur"))):
            if not os.path.isdir(d):
                os.mkdir(d, 0o700)

    def has(self, token):
        """Says whether the mail is there; a mail program moves it and adds to its name."""
        name = name_of(token)
        return any(f.startswith(name) for d in ("new", "cur") for f in os.listdir(os.path.join(self.path, d)))

    def deliver(self, token, mail):
        name = name_of(token) + ".wright"
        tmp = os.path.join(self.path, "tmp", name)
        write_file(tmp, mail)
        os.rename(tmp, os.path.join(self.path, "new", name))


class Receipts:
    """A file for each message that was delivered."""

    def __init__(self, path, keep):
        self._path, self._keep = path, max(duration(keep), 86400)
        os.makedirs(path, 0o700, exist_ok=True)

    def _file(self, token):
        return os.path.join(self._path, name_of(token) + ".json")

    @contextlib.contextmanager
    def lock(self, token):
        """Holds off other deliveries, of any process: the agent may start a
        second one before the first has ended."""
        with open(os.path.join(self._path, "lock"), "w") as f:
            fcntl.flock(f, fcntl.LOCK_EX)  # until the file is closed
            yield

    def has(self, token):
        return os.path.exists(self._file(token))

    def write(self, token, tags, at):
        new = self._file(token) + ".new"
        write_file(new, json.dumps({"token": token, "tags": tags, "delivered_at": at}).encode())
        os.rename(new, self._file(token))

    def list(self, tags):
        found = []
        for name in os.listdir(self._path):
            if not name.endswith(".json"):
                continue
            path = os.path.join(self._path, name)
            try:
                with open(path, encoding="utf-8") as f:
                    r = json.load(f)
            except FileNotFoundError:
                continue  # forgotten meanwhile
            if time.time_ns() - r["delivered_at"] > self._keep * 1e9:
                with contextlib.suppress(FileNotFoundError):
                    os.remove(path)
            elif has_tags(r["tags"], tags):
                found.append(r)
        return found
