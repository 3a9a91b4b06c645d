# A worker for make bench-peers, as `buildbot-worker create-worker` writes it, but
# with its password from the environment: command lines are for everybody to read.
import os

from buildbot_worker.bot import Worker
from twisted.application import service

application = service.Application("buildbot-worker")
Worker("127.0.0.1", int(os.environ["BENCH_PORT"]), os.environ["BENCH_WORKER"], os.environ["BENCH_PASSWORD"],
       os.getcwd(), 600, maxdelay=2).setServiceParent(application)
