"""Runs a command on a terminal of its own, whose other end is read only when told to. Used by tests of test/cli/.

usage: terminal.py COMMAND [ARGUMENT ...]     "pid N" on stderr is the command's; what it says goes to stdout as it is read

Commands on stdin, a line each: "read" and "rest" (read the terminal, or don't: how it begins), "stop" and "go" (type
Ctrl-S, Ctrl-Q), "type-TEXT" (without blanks), "enter", "hangup" (close the window).
Ends with the command's exit status; with 128 and the signal if one has ended it.
"""

import os
import pty
import select
import signal
import sys


def main():
    pid, master = pty.fork()
    if pid == 0:
        os.execvp("setpriv", ["setpriv", "--pdeathsig", "KILL", *sys.argv[1:]])
    print("pid", pid, file=sys.stderr, flush=True)
    reading = False
    wake, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        ready, _, _ = select.select([0, wake] + ([master] if reading else []), [], [])
        if 0 in ready:
            commands = os.read(0, 4096).decode().split()
            if not commands:
                return 1
            for command in commands:
                if command in ("read", "rest"):
                    reading = command == "read"
                elif command == "enter":
                    os.write(master, b"\r")
                elif command.startswith("type-"):
                    os.write(master, command[len("type-"):].encode())
                elif command == "hangup":
                    reading = False
                    os.close(master)
                else:
                    os.write(master, b"\x13" if command == "stop" else b"\x11")
        if master in ready:
            try:
                os.write(1, os.read(master, 65536))
            except OSError:
                reading = False
        if wake in ready:
            os.read(wake, 100)
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                while reading and select.select([master], [], [], 10)[0]:
                    # What it has said last may still be on its way through the kernel.
                    try:
                        os.write(1, os.read(master, 65536))
                    except OSError:
                        reading = False
                code = os.waitstatus_to_exitcode(status)
                return code if code >= 0 else 128 - code


sys.exit(main())
