#!/usr/bin/python3
"""Swift's servers for tests: swift-servers.py FOLDER NAME...

Each NAME (proxy, account, container, object1 ...) is forked as a server by FOLDER/NAME.conf, and "started NAME PID" is printed.
A NAME on a line of the standard input is started again.
The servers are in one process group with this program, which waits for them; whoever ends that group has ended all of it.
Swift's own programs read /etc/swift whatever they are told, and each takes a second of processor time to load what all of
them have in common; here that is loaded once. test/support/services/swift.ts writes the configuration and starts this.
"""
import ctypes
import os
import signal
import sys

os.environ["EVENTLET_NO_GREENDNS"] = "yes"

from swift.common import utils  # noqa: E402

folder = sys.argv[1]
utils.set_swift_dir(folder)

import swift.account.server  # noqa: E402, F401
import swift.common.middleware.s3api.s3api  # noqa: E402, F401
import swift.container.server  # noqa: E402, F401
import swift.obj.server  # noqa: E402, F401
import swift.proxy.server  # noqa: E402, F401
from swift.common.ring import RingBuilder  # noqa: E402
from swift.common.wsgi import run_wsgi  # noqa: E402

PR_SET_PDEATHSIG = 1


def ring(kind, ports):
    """Where the copies of what are: one on each device."""
    builder = RingBuilder(6, len(ports), 0)
    for number, port in enumerate(ports):
        builder.add_dev({
            "id": number, "region": 1, "zone": number + 1, "ip": "127.0.0.1", "port": port, "device": "d%d" % (number + 1),
            "replication_ip": "127.0.0.1", "replication_port": port, "weight": 1.0, "meta": "",
        })
    builder.rebalance(seed=1)
    builder.get_ring().save("%s/%s.ring.gz" % (folder, kind))


def serve(name):
    """In the child: until it is ended, by its parent's end at the latest."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    log = os.open("%s/%s.log" % (folder, name), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    kind = name.rstrip("0123456789")
    os._exit(run_wsgi("%s/%s.conf" % (folder, name), kind + "-server", verbose=True) or 0)


with open(folder + "/ports") as lines:
    for line in lines:
        kind, *ports = line.split()
        ring(kind, [int(port) for port in ports])
def start(name):
    child = os.fork()
    if child == 0:
        serve(name)
    print("started", name, child, flush=True)


# What has ended is nobody's to wait for.
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for name in sys.argv[2:]:
    start(name)
for line in sys.stdin:
    start(line.strip())
signal.pause()
