// Stopping while a slow disk has requests: a signal that reaches vblade twice, once directly and once by its supervisor, is
// one; all that is under way is answered. The operator's own second signal ends it at once.
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import t, { type Test } from "tap";
import { Initiator } from "../../lib/client/initiator.js";
import { UnixLink } from "../../lib/link/unix.js";
import { Pump } from "../../lib/pump.js";
import { pause, until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { canMount, inMounts, newDirectory } from "../support/mounts.js";
import { sourceFile, vbladeCommand } from "../support/paths.js";
import { Program, run, sendSignal } from "../support/process.js";
import { FaultDevice, faultDeviceMissing } from "./fault-device.js";
import { failure, filled, MIB, within } from "./stage.js";

/** A disk whose syncs hang, an address to serve it at, and writes that wait for such a sync once it is served. */
async function slowDisk(t: Test) {
	const device = await FaultDevice.open(8 * MIB);
	t.teardown(() => device.close());
	const socket = path.join(newDirectory(), "vm.sock");
	const write = async () => {
		const link = await UnixLink.connect(socket, { pump: new Pump(), log: () => {}, framesInFlight: 16 });
		const initiator = new Initiator(link, { deadlineMs: 60_000 });
		t.teardown(async () => {
			initiator.close();
			await link.close();
		});
		const disk = await initiator.open(9, 0);
		await device.stick("sync");
		const writes = Promise.all(
			Array.from({ length: 8 }, (_, page) => failure(disk.write(page, filled(1, 1)))),
		);
		writes.catch(() => {});
		await until("a sync hangs", async () => (await device.counts()).held > 0, LIMIT_MS);
		return { writes };
	};
	return { device, arguments: ["9", "0", `unix:${socket}`, device.path], write };
}

/** The process group of a process. */
function groupOf(pid: number): number {
	return Number(readFileSync(`/proc/${pid}/stat`, "utf8").split(" ")[4]);
}

function wholeGroup(t: Test): void {
	t.test("SIGTERM to the whole group of vbladed, as service managers send it", async (t) => {
		const { device, arguments: blade, write } = await slowDisk(t);
		const directory = newDirectory();
		const pidFile = path.join(directory, "pid");
		const log = path.join(directory, "log");
		const logger = `#!/bin/sh\nexec cat >>'${log}'\n`;
		const bin = `mkdir '${directory}/bin' && printf '%s' "$1" >'${directory}/bin/logger' && chmod +x '${directory}/bin/logger'`;
		t.match(await run(["sh", "-c", bin, "sh", logger], LIMIT_MS), { code: 0 });
		const env = { VBLADED_PIDFILE: pidFile, PATH: `${directory}/bin:${process.env.PATH ?? ""}` };
		t.match(await run([sourceFile("vbladed"), ...blade], LIMIT_MS, { env }), { code: 0, stderr: "" });
		const pid = Number(readFileSync(pidFile, "utf8"));
		const group = groupOf(pid);
		t.teardown(() => sendSignal(-group, "SIGKILL"));
		t.not(group, groupOf(process.pid));

		const { writes } = await write();
		sendSignal(-group, "SIGTERM");
		// For the supervisor to pass its own on.
		await pause(300);
		await device.mend("sync");
		t.strictSame(
			await within(writes, "answers"),
			Array(8).fill(undefined),
			"all that was under way is answered",
		);
		await until("the end", () => !alive(group), LIMIT_MS);
		t.notMatch(readFileSync(log, "utf8"), /ended with status/, "it ended in order");
	});
}

/** Whether a process group has a process. */
function alive(group: number): boolean {
	try {
		process.kill(-group, 0);
		return true;
	} catch {
		return false;
	}
}

/** Whether a program has gone, but for what the kernel does not let go yet. */
function isEnding({ pid, ended }: Program): boolean {
	const status = `/proc/${pid}/status`;
	return ended !== undefined || !existsSync(status) || /^State:\sZ/m.test(readFileSync(status, "utf8"));
}

function secondSignal(t: Test): void {
	t.test("copies of a signal are one, the operator's second ends it at once", async (t) => {
		const { device, arguments: blade, write } = await slowDisk(t);
		const vblade = new Program([...vbladeCommand(), ...blade], { env: { VBLADE_ENGINE: "threads" } });
		t.teardown(() => vblade.stop("SIGKILL"));
		await vblade.waitFor(/sectors/, LIMIT_MS);
		void (await write());
		for (let times = 0; times < 3; times++) vblade.signal(times === 1 ? "SIGINT" : "SIGTERM");
		await pause(200);
		t.notOk(isEnding(vblade), "copies end nothing");
		const ends = () => {
			vblade.signal("SIGTERM");
			return isEnding(vblade);
		};
		await until("one comes that is no copy any more", ends, LIMIT_MS);
		await device.mend("sync");
		t.match(await vblade.finished(LIMIT_MS), { code: 143 });
	});
}

async function main(): Promise<void> {
	wholeGroup(t);
	secondSignal(t);
}

const skip = canMount ? faultDeviceMissing() : false;
if (skip) t.pass("not run", { skip });
else if (canMount || (await inMounts(import.meta.url))) await main();
