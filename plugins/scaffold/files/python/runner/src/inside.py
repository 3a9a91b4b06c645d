"""Which processes are in a sandbox."""

import os
import signal

# The variable by which the processes of a sandbox are found, wherever they have
# gone: it is inherited.
MARK = "WRIGHT_SANDBOX"


def end_all(sandbox, call):
    """Kills every process of a sandbox and returns when two looks have found
    none: one that is just becoming another program has no environment for a
    moment."""
    clean = 0
    while clean < 2:
        clean = 0 if _kill_all(sandbox) else clean + 1
        call.wait(0.005)


def _kill_all(sandbox):
    """Says whether there were any."""
    found, wanted = False, f"{MARK}={sandbox}".encode()
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            with open(f"/proc/{name}/environ", "rb") as f:
                inside = wanted in f.read().split(b"\0")
            if inside:
                found = True
                os.kill(int(name), signal.SIGKILL)
        except OSError:
            pass  # it has ended, or is another user's
    return found
