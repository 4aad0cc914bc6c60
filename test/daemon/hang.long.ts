/**
 * Processes of a daemon that hang: a worker whose loop spins, written into its memory, is ended and comes back; one of each kind in turn is
 * stopped for longer than anybody's patience, while what it does not serve is read on, and all is as before when that is over. Long, for the
 * patience is that of the real program. The instruction is one of x86-64.
 */

import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import t from "tap";
import type { RemoteDisk } from "../../lib/client/remote-disk.js";
import { SECTOR_BYTES } from "../../lib/wire/sector.js";
import { layCable } from "../link/cable.js";
import { pause, until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { sendSignal } from "../support/process.js";
import { FarClient } from "./far-client.js";
import { DaemonTree, diskToml } from "./tree-bench.js";

const STOPPED_MS = 70_000;
const READ_EVERY_MS = 50;
/** A jump to itself. */
const SPIN = Uint8Array.of(0xeb, 0xfe);

/** Has the main thread of a process go round in a circle, as soon as the system call that it waits in is over. */
async function spin(pid: number): Promise<void> {
	let pc = 0;
	await until(
		"a system call that it waits in",
		() => {
			const words = readFileSync(`/proc/${pid}/syscall`, "latin1").trim().split(" ");
			pc = words.length === 9 ? Number(words[8]) : 0;
			return pc > 0;
		},
		LIMIT_MS,
	);
	const memory = openSync(`/proc/${pid}/mem`, "r+");
	writeSync(memory, SPIN, 0, SPIN.length, pc);
	closeSync(memory);
}

/** Reads one disk after the other, until it is told to stop. */
class Reading {
	#isOver = false;
	readonly #done: Promise<number>;

	constructor(readonly disks: readonly RemoteDisk[]) {
		this.#done = this.#read();
		// Told to whoever stops it.
		this.#done.catch(() => {});
	}

	async #read(): Promise<number> {
		let rounds = 0;
		for (; !this.#isOver; rounds++) {
			for (const disk of this.disks) await disk.read(0, 1);
			await pause(READ_EVERY_MS);
		}
		return rounds;
	}

	/** How often each was read. Rejects if one was not. */
	stop(): Promise<number> {
		this.#isOver = true;
		return this.#done;
	}
}

if (await inNamespace(import.meta.url, 10 * LIMIT_MS)) {
	await layCable(1500);
	const tree = new DaemonTree();
	const names = ["one", "two"];
	const tables = names.map((name, slot) =>
		diskToml(name, `file = "${tree.file(`${name}.img`)}"`, `9.${slot}`, "near"),
	);
	tree.configure(`workers = 2\n${tables.join("")}`);
	await tree.start();
	t.teardown(() => tree.stop());
	const client = new FarClient();
	t.teardown(() => client.close());
	const disks = await Promise.all(names.map((_, slot) => client.open(9, slot)));
	const workerOf = async (name: string): Promise<number> => Number((await tree.state(name, "open")).worker);
	const [first, second] = [await workerOf("one"), await workerOf("two")];
	const sector = new Uint8Array(SECTOR_BYTES).fill(0x5a);
	for (const disk of disks) await disk.write(0, sector);

	t.test("a worker whose loop spins is ended after ten seconds, and another takes its place", async (t) => {
		t.not(first, second, "a worker each");
		const [pid, other] = [await tree.pidOf("worker", first), await tree.pidOf("worker", second)];
		const reading = new Reading(disks.slice(1));
		await spin(pid);
		await until("another one", async () => ![0, pid].includes(await tree.pidOf("worker", first)), LIMIT_MS);
		await tree.state("one", "open");
		t.strictSame([...(await disks[0]!.read(0, 1))], [...sector]);
		t.ok((await reading.stop()) > 0, "the other one was read all the time");
		t.equal(await tree.pidOf("worker", second), other);
		const { events } = (await tree.ask("GET", "/api/v1/events?limit=100")).body;
		t.match(JSON.stringify(events), /its loop has been busy, and has not answered for 10 s/);
	});

	const kinds = [
		{ what: "control", pid: () => tree.pidOf("control"), reads: disks },
		{ what: "a worker", pid: () => tree.pidOf("worker", first), reads: disks.slice(1) },
		{ what: "the opener", pid: async () => tree.program.pid ?? 0, reads: disks },
	];
	for (const { what, pid, reads } of kinds)
		t.test(`${what} is stopped for ${STOPPED_MS / 1000} s`, { timeout: 3 * LIMIT_MS }, async (t) => {
			const stopped = await pid();
			const reading = new Reading(reads);
			sendSignal(stopped, "SIGSTOP");
			try {
				await pause(STOPPED_MS);
			} finally {
				// Control was ended by then.
				sendSignal(stopped, "SIGCONT");
			}
			t.ok((await reading.stop()) > 100, "what it does not serve was read all the time");
			for (const [index, disk] of disks.entries()) {
				t.strictSame([...(await disk.read(0, 1))], [...sector]);
				await tree.state(names[index]!, "open");
			}
			await until("ready", async () => (await tree.ask("GET", "/readyz")).status === 200, LIMIT_MS);
			t.equal((await pid()) === stopped, what !== "control", "only control is not waited for");
		});
}
