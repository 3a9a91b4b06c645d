"""What Wright asks a DNS provider for. The calls of the name server are in backend.py."""

import ipaddress
import re

from configure import CONFIG, SETTINGS, Configured
from plugin.v1 import dns_pb2
from wright_plugin import INSTALLATION_TAG, Error


class Provider(Configured):
    def set(self, request, call):
        """Sets all records of a domain, or none of them. A domain of somebody
        else stays as it is."""
        owner = owner_of(request.tags)
        for i, r in enumerate(request.records):
            check(f"records[{i}]", r, len(request.records))
        if not request.records:
            self.backend.remove(normal(request.domain), owner, call)
            return
        records = [{"type": r.type, "value": r.value, "ttl": r.ttl.ToNanoseconds()} for r in request.records]
        self.backend.set(normal(request.domain), records, dict(request.tags), call)

    def list(self, request, call):
        return [message(e) for e in self.backend.list(request.tags)]

    def delete(self, request, call):
        """The missing is gone already, and what belongs to somebody else is no
        matter of ours."""
        self.backend.remove(normal(request.domain), owner_of(request.tags), call)


def owner_of(tags):
    if not tags.get(INSTALLATION_TAG):
        raise Error("invalid", "is missing: nobody would own the records", "tags." + INSTALLATION_TAG)
    return tags[INSTALLATION_TAG]


def normal(domain):
    """Gives the form in which domains are compared."""
    return domain.removesuffix(".").lower()


def check(field, record, records):
    """Refuses a record before anything is changed."""
    if record.type in ("A", "AAAA"):
        try:
            good = ipaddress.ip_address(record.value).version == (4 if record.type == "A" else 6) and "%" not in record.value
        except ValueError:
            good = False
        if not good:
            raise Error("invalid", f"{record.value[:60]!r} is no address for a record of type {record.type}", field + ".value")
    elif record.type == "CNAME":
        if records > 1:
            raise Error("invalid", "a CNAME stands alone", field + ".type")
        if len(record.value) > 253 or not re.fullmatch(r"[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?", record.value):
            raise Error("invalid", f"{record.value[:60]!r} is no domain name", field + ".value")
    elif record.type != "TXT":
        raise Error("unsupported", f"no records of type {record.type[:20]!r}, only A, AAAA, CNAME and TXT", field + ".type")


def message(entry):
    m = dns_pb2.Entry(domain=entry["domain"], tags=entry["tags"])
    for r in entry["records"]:
        m.records.add(type=r["type"], value=r["value"]).ttl.FromNanoseconds(r["ttl"])
    return m
