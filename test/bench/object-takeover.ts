/**
 * Two hosts with one pool in an object store: how long a write waits when the one that has it is killed, and when it hands it over. Called by `object-run.ts`.
 */

import { Writer } from "../daemon/store-writer.js";
import { run } from "../support/process.js";
import { Host, type Measuring } from "./object-stage.js";

const VOLUME = "64M";
const LIMIT_MS = 60_000;
const DISKS = [{ name: "web", volume: "store/web" }] as const;

export async function measureTakeovers(on: Measuring): Promise<void> {
	const hosts = [new Host(on.services), new Host(on.services)];
	try {
		for (const host of hosts) host.configure(DISKS);
		const [first, second] = hosts as [Host, Host];
		await first.tree.start();
		await first.say("pool", "create", "store");
		await first.say("volume", "create", "store/web", VOLUME);
		await first.tree.state("web", "open");
		await second.tree.start();
		const pair: [Host, Host] = [first, second];
		for (let round = 0; round < on.task.rounds; round++) {
			await on.attempt(["takeover"], () => killed(on, pair, round));
			await on.attempt(["handover", "handover pause"], () => handedOver(on, pair, round));
		}
	} finally {
		for (const { tree } of hosts) await tree.program?.stop("SIGKILL");
	}
}

async function killed(on: Measuring, pair: [Host, Host], round: number): Promise<void> {
	const [owner, other] = pair;
	on.progress(`takeover, round ${round + 1}`);
	await writes(owner, round);
	const begin = performance.now();
	await owner.kill();
	await writes(other, round);
	on.add("takeover", (performance.now() - begin) / 1000, "over NBD, head in etcd");
	await owner.tree.start();
	pair.reverse();
}

/** Somebody writes and flushes without an end at the one, until that answers no more, and tries to at the other. */
async function handedOver(on: Measuring, pair: [Host, Host], round: number): Promise<void> {
	const [owner, other] = pair;
	on.progress(`handover, round ${round + 1}`);
	await writes(owner, round);
	const writer = await Writer.openNbd(owner, "web", 1);
	writer.begin(() => {});
	await writer.more(10);
	const begin = performance.now();
	// (If it comes to nothing the other one never answers.)
	const vain = new AbortController();
	const saying = owner.say("pool", "handover", "store").catch((error: unknown) => {
		vain.abort();
		throw error;
	});
	let end = begin;
	const written = writes(other, round, vain.signal).then(() => {
		end = performance.now();
	});
	try {
		await Promise.all([saying, written]);
	} finally {
		await writer.close();
	}
	on.add("handover", (end - begin) / 1000, "in it what is done before anybody waits");
	on.add("handover pause", (end - writer.lastMs) / 1000, "in it the start of a program that writes");
	pair.reverse();
}

/** Until a write of a block has been flushed, however often it takes. */
async function writes(host: Host, value: number, vain?: AbortSignal): Promise<void> {
	const endMs = Date.now() + LIMIT_MS;
	for (;;) {
		const { code, output } = await run(
			["qemu-io", "-f", "raw", "-c", `write -P ${value + 1} 0 4k`, "-c", "flush", host.uri("web")],
			LIMIT_MS,
		);
		if (code === 0 && !/fail|error/i.test(output)) return;
		if (vain?.aborted === true || Date.now() > endMs) throw new Error(`no write is answered: ${output}`);
	}
}
