/**
 * A crowd at the page's address: a thousand who want to hear events, and ten thousand connections that ask for nothing. What is more
 * than there are places for is refused or closed, the memory of control has a limit, who asks at the socket is answered, and of the data
 * path no frame is lost. Counted, not timed. Long, for ten thousand connections take a while.
 */

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import net from "node:net";
import t from "tap";
import { layCable } from "../link/cable.js";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { FarClient, Load } from "./far-client.js";
import { DaemonTree, diskToml } from "./tree-bench.js";

const PORT = 9470;
const READERS = 1000;
const IDLE = 10_000;
/** Places on TCP, of one address, and of who hears events: see lib/control/server.ts and lib/control/api/events.ts. */
const PLACES = 1000;
const OF_ADDRESS = 250;
const STREAMS = 100;
/** A connection takes some tens of KiB. */
const MEMORY_MAX_BYTES = 256 * 1024 * 1024;
const AT_ONCE = 250;

/** Connections that one side may have ended. */
class Crowd {
	readonly #sockets: net.Socket[] = [];
	connected = 0;
	ended = 0;
	/** Those that were answered, or ended. */
	readonly #done = new Set<net.Socket>();
	/** How often each status was the answer. */
	readonly statuses = new Map<string, number>();

	/** From so many addresses, some at a time. */
	async come(count: number, firstAddress: number, words: string): Promise<void> {
		for (let index = 0; index < count; index++) {
			this.#one(`127.0.1.${firstAddress + Math.floor(index / OF_ADDRESS)}`, words);
			if (index % AT_ONCE === AT_ONCE - 1) await this.#settled();
		}
		await this.#settled();
	}

	/** All that have come are in, or out again. */
	#settled(): Promise<void> {
		return until("they are in", () => this.#sockets.every((each) => !each.connecting), LIMIT_MS);
	}

	#one(localAddress: string, words: string): void {
		const socket = net.connect({ host: "127.0.0.1", port: PORT, localAddress });
		this.#sockets.push(socket);
		socket.on("error", () => {});
		socket.once("connect", () => {
			this.connected += 1;
			if (words !== "") socket.write(words);
		});
		socket.once("data", (bytes: Buffer) => {
			this.#done.add(socket);
			const [, status = "none"] = /^HTTP\/1\.1 (\d+)/.exec(bytes.toString("latin1")) ?? [];
			this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
		});
		socket.once("close", () => {
			this.#done.add(socket);
			this.ended += 1;
		});
	}

	get done(): number {
		return this.#done.size;
	}

	leave(): void {
		for (const socket of this.#sockets.splice(0)) socket.destroy();
	}
}

function residentBytes(pid: number): number {
	const [, kib = "0"] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1")) ?? [];
	return Number(kib) * 1024;
}

if (await inNamespace(import.meta.url, 10 * LIMIT_MS)) {
	execFileSync("ip", ["link", "set", "lo", "up"], { timeout: LIMIT_MS });
	await layCable(1500);
	const tree = new DaemonTree();
	const toml = [0, 1].map((slot) =>
		diskToml(`d${slot}`, `file = "${tree.file(`${slot}.img`)}"`, `9.${slot}`, "near"),
	);
	tree.configure(`[http]\nlisten = ["127.0.0.1:${PORT}"]\n${toml.join("")}`);
	await tree.start();
	t.teardown(() => tree.stop());
	const client = new FarClient();
	t.teardown(() => client.close());
	const disks = await Promise.all([client.open(9, 0), client.open(9, 1)]);

	t.test(
		"ten thousand connections and a thousand readers of events",
		{ timeout: 5 * LIMIT_MS },
		async (t) => {
			const crowd = new Crowd();
			t.teardown(() => crowd.leave());
			const pids = (await tree.processes()).map(({ pid }) => pid);
			const control = await tree.pidOf("control");
			const load = new Load(disks);
			await load.rounds(3);
			await crowd.come(
				READERS,
				1,
				"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n",
			);
			await until("each reader has an answer, or none", () => crowd.done === READERS, LIMIT_MS);
			await load.rounds(3);
			await crowd.come(IDLE, 101, "");
			await until(
				"those for whom there is no place are out",
				() => crowd.connected - crowd.ended <= PLACES,
				LIMIT_MS,
			);
			await load.rounds(3);
			t.equal(crowd.statuses.get("200"), STREAMS, "so many hear events");
			t.ok((crowd.statuses.get("503") ?? 0) > 0, "others are told that there is no place");
			t.equal((await tree.ask("GET", "/livez")).status, 200, "the socket has places of its own");
			t.ok(residentBytes(control) < MEMORY_MAX_BYTES, `${residentBytes(control)} bytes`);
			await load.rounds(3);
			await load.stop();
			await client.allAnswered();
			crowd.leave();
			const page = () =>
				fetch(`http://127.0.0.1:${PORT}/livez`).then(
					({ ok }) => ok,
					() => false,
				);
			await until("there is a place again", page, LIMIT_MS);
			t.strictSame(
				(await tree.processes()).map(({ pid }) => pid),
				pids,
				"nobody has ended",
			);
		},
	);
}
