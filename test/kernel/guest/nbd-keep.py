"""A disk of the kernel's NBD driver whose server may go and come back: by netlink the driver is told how long it shall wait for that, and is given
another connection in place of one that has broken, to whichever of the servers has the export then. (nbd-client can't tell it.) Used by
nbd-outage.sh and takeover.sh.

    nbd-keep.py SERVER[,SERVER...] PORT EXPORT INDEX CONNECTIONS SECONDS [TIMEOUT]

SECONDS is for how long nobody may be there, TIMEOUT how long one that is connected may take to answer before it is given up.
"""

import os
import select
import socket
import struct
import sys
import time

SERVERS, PORT, EXPORT = sys.argv[1].split(","), int(sys.argv[2]), sys.argv[3].encode()
INDEX, CONNECTIONS, SECONDS = (int(each) for each in sys.argv[4:7])
TIMEOUT = int(sys.argv[7]) if len(sys.argv) > 7 else SECONDS

NETLINK_GENERIC = 16
REQUEST, ACK = 1, 4
CONTROL, GET_FAMILY, FAMILY_ID, FAMILY_NAME = 16, 3, 1, 2
CONNECT, RECONFIGURE = 1, 3
A_INDEX, A_SIZE, A_BLOCK, A_TIMEOUT, A_FLAGS, A_SOCKETS, A_DEAD = 1, 2, 3, 4, 5, 7, 8
NESTED = 1 << 15


def attribute(kind, data):
    return struct.pack("=HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)


def u32(kind, value):
    return attribute(kind, struct.pack("=I", value))


def u64(kind, value):
    return attribute(kind, struct.pack("=Q", value))


def ask(netlink, family, command, attributes, flags=REQUEST | ACK):
    """Sends one message; its answer's attributes, or an error of the kernel."""
    body = struct.pack("=BBH", command, 1, 0) + attributes
    netlink.send(struct.pack("=IHHII", 16 + len(body), family, flags, 1, 0) + body)
    answer = b""
    while True:
        data = netlink.recv(65536)
        while data:
            length, kind = struct.unpack_from("=IH", data)
            if kind == 2:  # NLMSG_ERROR, of which 0 is "done"
                (error,) = struct.unpack_from("=i", data, 16)
                if error:
                    raise OSError(-error, os.strerror(-error))
                return answer
            answer = data[20:length]
            data = data[(length + 3) & ~3 :]


def family_of(netlink):
    attributes = ask(netlink, CONTROL, GET_FAMILY, attribute(FAMILY_NAME, b"nbd\0"))
    while attributes:
        length, kind = struct.unpack_from("=HH", attributes)
        if kind == FAMILY_ID:
            return struct.unpack_from("=H", attributes, 4)[0]
        attributes = attributes[(length + 3) & ~3 :]
    raise SystemExit("the driver is not loaded")


def exactly(stream, count):
    data = b""
    while len(data) < count:
        more = stream.recv(count - len(data))
        if not more:
            raise OSError("the server has hung up")
        data += more
    return data


def connected():
    """The first server that has the export: a connection to it, the size, and what the export can do."""
    for server in SERVERS[:-1]:
        try:
            return connected_to(server)
        except OSError:
            pass
    return connected_to(SERVERS[-1])


def connected_to(server):
    # One that stands still takes a connection, and says nothing.
    stream = socket.create_connection((server, PORT), timeout=2)
    greeting = exactly(stream, 18)
    assert greeting[:8] == b"NBDMAGIC" and greeting[8:16] == b"IHAVEOPT", greeting
    name = struct.pack(">I", len(EXPORT)) + EXPORT + struct.pack(">H", 0)
    stream.sendall(struct.pack(">I", 3) + b"IHAVEOPT" + struct.pack(">II", 7, len(name)) + name)
    size = flags = None
    while True:
        _, _, kind, length = struct.unpack(">QIII", exactly(stream, 20))
        data = exactly(stream, length)
        if kind == 1:
            stream.settimeout(None)
            return stream, size, flags
        if kind == 3 and data[:2] == b"\0\0":
            size, flags = struct.unpack(">QH", data[2:12])
        elif kind != 3:
            raise OSError(f"refused: {data!r}")


def sockets(streams):
    items = b"".join(attribute(1 | NESTED, u32(1, each.fileno())) for each in streams)
    return attribute(A_SOCKETS | NESTED, items)


def main():
    netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_GENERIC)
    netlink.bind((0, 0))
    family = family_of(netlink)
    agreed = [connected() for _ in range(CONNECTIONS)]
    streams = [stream for stream, _, _ in agreed]
    _, size, flags = agreed[0]
    known = u32(A_INDEX, INDEX) + u64(A_TIMEOUT, TIMEOUT) + u64(A_DEAD, SECONDS)
    disk = u64(A_SIZE, size) + u64(A_BLOCK, 512) + u64(A_FLAGS, flags)
    ask(netlink, family, CONNECT, known + disk + sockets(streams))
    print("connected", flush=True)
    while True:
        poll = select.poll()
        for stream in streams:
            poll.register(stream, select.POLLRDHUP)
        dead = {number for number, _ in poll.poll()}
        for i, stream in enumerate(streams):
            if stream.fileno() not in dead:
                continue
            while True:
                try:
                    streams[i], now, _ = connected()
                    break
                except OSError:
                    time.sleep(0.2)
            assert now == size, "the export has another size"
            stream.close()
            ask(netlink, family, RECONFIGURE, known + sockets([streams[i]]))
        print("connected again", flush=True)


main()
