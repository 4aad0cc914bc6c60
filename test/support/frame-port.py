"""Sends and receives Ethernet frames on an interface: the tests' own hand on the wire, independent of lib/ and native/.

usage: python3 frame-port.py INTERFACE      Started by frame-port.ts inside a network namespace.

Each line on standard input is a frame in hexadecimal to send. Each frame that arrives is a line in hexadecimal on standard
output, tagged "vlan " if it came with an 802.1Q tag (which the kernel takes off). First of all the line "ready".
"""

import os
import select
import socket
import sys

ETH_P_ALL = 3
SOL_PACKET = 263
PACKET_AUXDATA = 8
TP_STATUS_VLAN_VALID = 1 << 4
LONGEST_FRAME = 65536 + 14

port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
port.setsockopt(socket.SOL_SOCKET, 33, 4 << 20)  # SO_RCVBUFFORCE: bursts of replies must not be lost here
port.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
port.bind((sys.argv[1], ETH_P_ALL))
print("ready", flush=True)

partial = b""
while True:
    readable, _, _ = select.select([0, port], [], [])
    if port in readable:
        frame, auxiliary, _, sender = port.recvmsg(LONGEST_FRAME, 256)
        if sender[2] != socket.PACKET_OUTGOING:
            tagged = any(
                level == SOL_PACKET and kind == PACKET_AUXDATA
                and int.from_bytes(data[:4], sys.byteorder) & TP_STATUS_VLAN_VALID
                for level, kind, data in auxiliary
            )
            print(("vlan " if tagged else "") + frame.hex(), flush=True)
    if 0 in readable:
        chunk = os.read(0, 65536)
        if not chunk:
            break
        *lines, partial = (partial + chunk).split(b"\n")
        for line in lines:
            port.send(bytes.fromhex(line.decode()))
