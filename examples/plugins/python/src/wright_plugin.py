"""What a provider plugin of Wright needs, in Python: the handshake with the
host, mutual TLS, health, the end, errors with codes, schemas, progress, lists
in pieces and logs. It needs Debian's python3-grpcio, python3-protobuf and
openssl. It knows nothing of any provider. See docs/plugin-contract.md.

A plugin is a class with one method per call of its kind, and:

    serve("cloud", "mine", "1.0", Provider(), cloud_pb2, doc="…", settings=[Field(…)], config=[…])

Every method gets the request (a message of proto/plugin/v1) and a Call, and
returns the message that the answer holds: a Server, a list of Server, nothing.
It is called in a thread of its own; several run at the same time.
"""

import base64
import concurrent.futures
import dataclasses
import json
import logging
import math
import os
import queue
import re
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time

INSTALLATION_TAG = "wright-installation"  # what lacks it is never touched
MAX_MESSAGE = 4 << 20  # bytes of one message
CHUNK = 512 << 10  # bytes of a list that go into one message, about
MAX_ERROR = 1024  # characters of an error's message

log = logging.getLogger("wright")


class Error(Exception):
    """An error that says what the caller can do. The codes: not-found, exists,
    quota, denied, invalid (with the path of the field), transient (perhaps with
    the seconds to wait), unsupported."""

    STATUS = {"not-found": 5, "exists": 6, "quota": 8, "denied": 7, "invalid": 3, "transient": 14, "unsupported": 12}

    def __init__(self, code, message, field="", retry_after=0):
        super().__init__(f"{field}: {message}" if field else message)
        self.code, self.field, self.retry_after = code, field, retry_after


class Cancelled(Exception):
    """The caller gave up or its time is over."""


class Settings:
    """What the agent tells a provider once, before any other call."""

    def __init__(self, request, config):
        self.state_dir = request.state_dir  # absolute, exists, is this provider's alone
        self.installation = request.installation  # value of INSTALLATION_TAG; may be empty
        self.config = config  # the provider's table of the agent's configuration, with defaults


class Call:
    """One call under way."""

    def __init__(self, context, config, send):
        self.config = config  # the provider's table of the manifest, with defaults
        self._context, self._send, self._over = context, send, threading.Event()
        if not context.add_callback(self._over.set):
            self._over.set()

    def report(self, message, done=0.0):
        """Tells whoever waits how far it is: what happens, and a part from 0 to 1."""
        self._send(message[:MAX_ERROR], done)

    def check(self):
        """Raises Cancelled when nobody waits any more."""
        self.wait(0)

    def wait(self, seconds):
        """Sleeps, or raises Cancelled as soon as nobody waits any more."""
        if self._over.wait(seconds):
            raise Cancelled("the caller gave up")

    def remaining(self):
        """Gives the seconds until the deadline, None when there is none."""
        return self._context.time_remaining()


def has_tags(have, want):
    """Says whether a thing with the tags have is selected: it must carry all of want."""
    return all(k in have and have[k] == v for k, v in want.items())


# --- schemas ---------------------------------------------------------------


@dataclasses.dataclass
class Field:
    """One key of a table. The types: string, integer, number, boolean, duration
    (such as "90s"), list, table (with fields), map (with keys of the user's choice)."""

    name: str  # kebab-case
    doc: str = ""  # a sentence
    type: str = "string"
    required: bool = False
    secret: bool = False  # a string that no log and no page may show
    default: object = None
    one_of: tuple = ()  # of a string: the values there are
    min: float = None  # of a number; of the length of a string or a list
    max: float = None
    element: str = ""  # of a list or a map: the type of what is in it
    fields: list = None  # of a table, and of the tables in a list or a map
    example: object = None

    def to_proto(self, pb):
        f = pb.Field(name=self.name, type=self.type, doc=self.doc, required=self.required, secret=self.secret,
                     one_of=self.one_of, element=self.element, fields=[g.to_proto(pb) for g in self.fields or ()])
        if self.min is not None:
            f.min = self.min
        if self.max is not None:
            f.max = self.max
        if self.default is not None:
            f.default_json = json.dumps(self.default).encode()
        if self.example is not None:
            f.example_json = json.dumps(self.example).encode()
        return f


def duration(text):
    """Gives the seconds of a duration such as "1h30m"; None when it is none."""
    units = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}
    parts = re.findall(r"(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)", text)
    if not text or text.lstrip("+-") not in ("0", "".join(n + u for n, u in parts)):
        return None
    return sum(float(n) * units[u] for n, u in parts) * (-1 if text[0] == "-" else 1)


def read_table(schema, path, text):
    """Reads a table from JSON, holds it against a schema and fills in the defaults."""
    try:
        table = json.loads(text, parse_float=_finite, parse_constant=_finite) if text else {}
    except ValueError as e:
        raise Error("invalid", f"is not a table: {e}", path)
    return _check_table(schema, path, {} if table is None else table)


def _finite(text):
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no number")
    return number


def _key(path, key):
    bare = re.fullmatch("[A-Za-z0-9_-]{1,64}", key)
    return f"{path}.{key}" if bare else f"{path}.{json.dumps(key[:60], ensure_ascii=False)}"


def _check_table(schema, path, table):
    if not isinstance(table, dict):
        raise Error("invalid", "is not a table", path)
    if schema is None:
        return table
    known = {f.name: f for f in schema}
    for key in sorted(table):
        if key not in known:
            raise Error("invalid", "there is no such key; there are " + (", ".join(known) or "none"), _key(path, key))
    full = {}
    for f in schema:
        if f.name in table:
            full[f.name] = _check(f, f"{path}.{f.name}", table[f.name])
        elif f.required:
            raise Error("invalid", "is missing", f"{path}.{f.name}")
        elif f.default is not None:
            full[f.name] = f.default
    return full


def _check(f, path, v):
    kinds = {"boolean": bool, "integer": (int, float), "number": (int, float), "list": list, "table": dict, "map": dict}
    wrong = not isinstance(v, kinds.get(f.type, str)) or isinstance(v, bool) and f.type != "boolean"
    if not wrong and f.type == "integer":
        wrong = v != int(v) or abs(v) >= 1 << 53
    if wrong:
        raise Error("invalid", f"is not of the type {f.type}", path)
    if f.secret and isinstance(v, str) and v.startswith("secret:"):
        return v
    if f.type == "duration" and duration(v) is None:
        raise Error("invalid", 'is no duration: write "90s" or "1h30m"', path)
    if f.one_of and not f.secret and v not in f.one_of:
        raise Error("invalid", "is not one of " + ", ".join(f.one_of), path)
    size = len(v) if isinstance(v, (str, list)) else v
    if f.type in ("string", "integer", "number", "list"):
        if f.min is not None and size < f.min or f.max is not None and size > f.max:
            raise Error("invalid", f"is outside of {f.min} to {f.max}", path)
    element = Field("element", type=f.element or "string", fields=f.fields, secret=f.secret)
    if f.type == "list":
        return [_check(element, f"{path}[{i}]", e) for i, e in enumerate(v, 1)]
    if f.type == "map":
        return {k: _check(element, _key(path, k), e) for k, e in sorted(v.items())}
    if f.type == "table":
        return _check_table(f.fields, path, v)
    return int(v) if f.type == "integer" else v


# --- the calls -------------------------------------------------------------


def _method_name(rpc):
    """CreateServer is answered by create, SetRecords by set, and so on."""
    special = {"GetConsole": "console", "GetCommand": "command", "ListReceipts": "receipts"}
    return special.get(rpc) or re.match("[A-Z][a-z]+", rpc)[0].lower()


class _Server:
    """Answers the calls of the host with those of the provider."""

    def __init__(self, kind, name, version, provider, kind_pb2, doc, settings, config, capabilities, protocol):
        from plugin.v1 import plugin_pb2
        self.pb, self.provider, self.settings, self.config, self.protocol = plugin_pb2, provider, settings, config, protocol
        self.about = plugin_pb2.DescribeResponse(
            kind=kind, name=name, version=version, doc=doc,
            capabilities=[*(["console"] if kind == "cloud" and hasattr(provider, "console") else []), *capabilities])
        if protocol >= 2:
            for schema, into in ((settings, self.about.settings), (config, self.about.config)):
                if schema is not None:
                    into.SetInParent()
                    into.fields.extend(f.to_proto(plugin_pb2) for f in schema)
        self.handlers = [self._service(plugin_pb2, self._own), self._service(kind_pb2, self._kinds)]

    def _service(self, module, work_of):
        import grpc
        from google.protobuf import descriptor_pb2
        service, proto, methods = list(module.DESCRIPTOR.services_by_name.values())[0], descriptor_pb2.ServiceDescriptorProto(), {}
        service.CopyToProto(proto)
        for m, p in zip(service.methods, proto.method):
            request, response = getattr(module, m.input_type.name), getattr(module, m.output_type.name)
            wrap = grpc.unary_stream_rpc_method_handler if p.server_streaming else grpc.unary_unary_rpc_method_handler
            answer = self._stream if p.server_streaming else self._once
            methods[m.name] = wrap(answer(work_of(m.name), response), request.FromString, response.SerializeToString)
        return grpc.method_handlers_generic_handler(service.full_name, methods)

    def _own(self, rpc):
        def configure(request, _):
            table = read_table(self.settings, "settings", request.config_json)
            if hasattr(self.provider, "configure"):
                self.provider.configure(Settings(request, table))
        return configure if rpc == "Configure" else lambda request, call: self.about

    def _kinds(self, rpc):
        def work(request, call):
            method = getattr(self.provider, _method_name(rpc), None)
            if method is None:
                raise Error("unsupported", f"this provider has no {_method_name(rpc)}")
            if "config_json" in request.DESCRIPTOR.fields_by_name:
                call.config = read_table(self.config, "config", request.config_json)
            return method(request, call)
        return work

    def _once(self, work, response):
        def answer(request, context):
            try:
                return next(iter(_answers(response, work(request, Call(context, {}, lambda m, d: None)), 1)))
            except Exception as e:  # whatever it is, the caller must hear of it
                self._abort(context, e)
        return answer

    def _stream(self, work, response):
        def answer(request, context):
            news = queue.SimpleQueue()  # of progress, and at last of a function that gives the answers

            def run():
                try:
                    answers = list(_answers(response, work(request, call), self.protocol))
                    news.put(lambda: answers)
                except Exception as e:
                    news.put(lambda e=e: self._abort(context, e))
            call = Call(context, {}, lambda m, d: news.put(self.pb.Progress(message=m, done=d)))
            threading.Thread(target=run, daemon=True).start()
            for item in iter(news.get, None):
                if callable(item):
                    yield from item()
                    return
                if self.protocol >= 2 and "progress" in response.DESCRIPTOR.fields_by_name:
                    yield response(progress=item)
        return answer

    def _abort(self, context, e):
        """Ends a call with a gRPC status that holds an ErrorDetail."""
        import grpc
        from google.protobuf import any_pb2
        by_number = {c.value[0]: c for c in grpc.StatusCode}
        message = str(e)[:MAX_ERROR]
        if isinstance(e, Cancelled):
            late = context.time_remaining() == 0  # None when there is no deadline
            context.abort(grpc.StatusCode.DEADLINE_EXCEEDED if late else grpc.StatusCode.CANCELLED, message)
        if not isinstance(e, Error):
            log.error("unexpected: %r", e, exc_info=e)
            context.abort(grpc.StatusCode.UNKNOWN, f"{type(e).__name__}: {message}")
        detail, packed = self.pb.ErrorDetail(code=e.code, field=e.field[:MAX_ERROR]), any_pb2.Any()
        if e.retry_after > 0:
            detail.retry_after.FromMilliseconds(int(e.retry_after * 1000))
        packed.Pack(detail)
        status = b"\x08" + bytes([e.STATUS[e.code]]) + _bytes(2, message.encode()) + _bytes(3, packed.SerializeToString())
        context.set_trailing_metadata((("grpc-status-details-bin", status),))
        context.abort(by_number[e.STATUS[e.code]], message)


def _bytes(field, value):
    """Encodes a field of a google.rpc.Status, whose generated code is in no package of Debian."""
    size, n = b"", len(value)
    while n > 127:
        size, n = size + bytes([n & 127 | 128]), n >> 7
    return bytes([field << 3 | 2]) + size + bytes([n]) + value


def _answers(response, result, protocol):
    """Makes messages of what a method returned: a list goes into as many as needed."""
    fields = [f for f in response.DESCRIPTOR.fields if f.name != "progress"]
    if isinstance(result, response):
        yield result
    elif not fields:
        yield response()
    elif fields[0].label != fields[0].LABEL_REPEATED:
        yield response(**{fields[0].name: result})
    else:
        part, size = [], 0
        for thing in result:
            part.append(thing)
            size += thing.ByteSize()
            if size >= CHUNK and protocol >= 2:
                yield response(**{fields[0].name: part})
                part, size = [], 0
        yield response(**{fields[0].name: part})


# --- the process -----------------------------------------------------------


class _JSONLines(logging.Handler):
    """Writes the lines that the host understands, with their levels."""

    def emit(self, record):
        message = record.getMessage()
        if record.exc_info:
            message += "\n" + logging.Formatter().formatException(record.exc_info)
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}000Z"
        level = {"warning": "warn", "critical": "error"}.get(record.levelname.lower(), record.levelname.lower())
        line = {"@timestamp": at, "@level": level, "@message": message}
        line.update(getattr(record, "attributes", {}))
        sys.stderr.write(json.dumps(line, default=str) + "\n")
        sys.stderr.flush()


def _exit_with_host(socket_dir):
    """Ends this process and all of its group when the host does: our standard
    input is a pipe that the host holds and never writes to."""
    while os.read(0, 4096):
        pass
    if socket_dir:
        shutil.rmtree(socket_dir, ignore_errors=True)
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _agree(offered):
    known = [int(s) for s in offered.split(",") if s.strip() in ("1", "2")]
    if offered and not known:
        sys.exit(f"the host speaks protocols {offered[:60]}, this plugin 1 to 2: upgrade the older one")
    return max(known, default=1)


def serve(kind, name, version, provider, kind_pb2, doc="", settings=None, config=None, capabilities=()):
    """Answers the host until it says goodbye or ends. kind_pb2 is the generated
    module of the kind. A schema (settings, config) that is None takes anything. Of the
    capabilities only "this-host" must be named; "console" is found by its method."""
    if os.environ.get("WRIGHT_PLUGIN_COOKIE") != "1d6a0a54-wright-plugin":
        sys.exit(f"This is wright-{kind}-{name} {version}, a plugin of Wright. Wright starts it by itself when it lies in one "
                 f"of the agent's plugin directories; see what it is with: wright plugin info wright-{kind}-{name}")
    # Key and certificate live in memory only; openssl works while gRPC is loaded.
    openssl = subprocess.Popen(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost", "-days", "3650", "-keyout", "-", "-out", "-"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    socket_dir = os.environ.get("PLUGIN_UNIX_SOCKET_DIR")
    threading.Thread(target=_exit_with_host, args=(socket_dir,), daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is meant for the host, which ends us in its own way
    log.setLevel(logging.DEBUG)
    log.addHandler(_JSONLines())

    import grpc
    protocol = _agree(os.environ.get("PLUGIN_PROTOCOL_VERSIONS", ""))
    plugin = _Server(kind, name, version, provider, kind_pb2, doc, settings, config, capabilities, protocol)
    pem = openssl.communicate()[0]
    if openssl.returncode:
        sys.exit("make a certificate: openssl failed")
    certificate = pem[pem.index(b"-----BEGIN CERTIFICATE"):]
    credentials = grpc.ssl_server_credentials(
        [(pem, certificate)], root_certificates=os.environ["PLUGIN_CLIENT_CERT"].encode(), require_client_auth=True)

    server = grpc.server(concurrent.futures.ThreadPoolExecutor(max_workers=256), handlers=plugin.handlers, options=[
        ("grpc.max_receive_message_length", MAX_MESSAGE), ("grpc.max_send_message_length", MAX_MESSAGE)])

    def goodbye(request, context):
        threading.Timer(0.05, os._exit, (0,)).start()
        return b""
    server.add_generic_rpc_handlers([
        grpc.method_handlers_generic_handler("grpc.health.v1.Health", {
            "Check": grpc.unary_unary_rpc_method_handler(lambda request, context: b"\x08\x01")}),  # it serves
        grpc.method_handlers_generic_handler("plugin.GRPCController", {
            "Shutdown": grpc.unary_unary_rpc_method_handler(goodbye)})])
    path = os.path.join(socket_dir or tempfile.mkdtemp(), f"python-{os.getpid()}")
    server.add_secure_port("unix:" + path, credentials)
    server.start()
    der = base64.b64encode(ssl.PEM_cert_to_DER_cert(certificate.decode())).decode().rstrip("=")
    os.write(1, f"1|{protocol}|unix|{path}|grpc|{der}\n".encode())
    os.dup2(2, 1)  # the host reads no more of our standard output
    server.wait_for_termination()
