// `vblade nbd` at a socket that the service manager has opened: who connects before it is started is served, and the socket stays when it ends.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync } from "node:fs";
import { connect } from "node:net";
import path from "node:path";
import t from "tap";
import { native } from "../../lib/native.js";
import { NbdError } from "../../lib/nbd/protocol.js";
import { scratchDirectory } from "../support/cleanup.js";
import { vbladeCommand } from "../support/paths.js";
import { TestClient } from "./client.js";

/** As systemd starts it: with the socket as the first descriptor behind the usual three. */
const AS_A_SERVICE = 'LISTEN_PID=$$ LISTEN_FDS=1 exec env -u NODE_OPTIONS "$@"';

t.test("a client that was there first is served, and the socket outlives the program", async (t) => {
	const file = path.join(scratchDirectory(), "nbd.sock");
	const listening = native.listenUnix(file, 0o600, 0xffff_ffff);
	t.teardown(() => closeSync(listening));
	const early = new TestClient(connect({ path: file }));
	const command = [...vbladeCommand(), "nbd", `unix:${file}`, "mem:1M"];
	const stdio = ["ignore", "ignore", "inherit", listening] as const;
	const program = spawn("sh", ["-c", AS_A_SERVICE, "sh", ...command], { stdio: [...stdio] });
	t.teardown(() => program.kill("SIGKILL"));
	const ended = once(program, "exit");
	await early.go("", false);
	t.equal(await early.write(0, Buffer.alloc(4096, 7)), NbdError.none);
	early.end();
	program.kill("SIGTERM");
	t.strictSame(await ended, [0, null]);
	t.ok(existsSync(file), "the service manager listens there still");
});
