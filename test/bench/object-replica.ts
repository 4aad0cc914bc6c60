/**
 * Pools with replicas beside pools without: how fast they are written, what memory that takes behind a slow line, and two hosts that have a replica of each other's
 * pool. The stores are `vblade objects`. Called by `object-run.ts`.
 */

import { chmodSync, writeFileSync } from "node:fs";
import { DaemonTree } from "../daemon/tree-bench.js";
import { pause, scratchDirectory } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { vbladeCommand } from "../support/paths.js";
import { Program } from "../support/process.js";
import { fio, rateText } from "./object-loads.js";
import type { MeasuringAlone } from "./object-stage.js";
import { vblade } from "./pools.js";
import { pin, residentKib } from "./processes.js";
import { SlowLine } from "./slow-line.js";

const KEYS = { accessKey: "AKIDBENCH", secret: "of-the-benchmark" };
const VOLUME = "1G";
const GIB = 2 ** 30;
const KIB_OF_MIB = 1024;
/** Of a run, at least: several cuts are begun in it. */
const SECONDS = 15;
const LOOK_MS = 500;
const SLOW = { bitsPerSecond: 1_000_000, roundTripMs: 200 };
const CROSSWISE = "10M";
const PORTS = { objects: [9500, 9501], line: 9510 } as const;

interface ReplicaHostOf {
	/** The port of the store that has its replica; undefined: it has none. */
	readonly port?: number;
	readonly more?: string;
	readonly durability: "ack" | "flush";
	/** All that it does is done there. */
	readonly core?: number;
}

class ReplicaHost {
	readonly tree = new DaemonTree();
	readonly #core: number | undefined;
	readonly isFollowed: boolean;

	constructor({ port, more = "", durability, core }: ReplicaHostOf) {
		const { tree } = this;
		this.#core = core;
		this.isFollowed = port !== undefined;
		writeFileSync(tree.path("secret"), `${KEYS.secret}\n`, { mode: 0o600 });
		vblade("pool", "create", tree.path("pool"));
		vblade("volume", "create", `${tree.path("pool")}/web`, VOLUME);
		const replica = `replica = [{ store = "attic", container = "copy"${more} }]`;
		const lines = [
			`[nbd]\nlisten = ["unix:${tree.path("nbd.sock")}"]`,
			port === undefined
				? ""
				: `[store.attic]\ntype = "s3"\nendpoint = "http://127.0.0.1:${port}"\nregion = "here"\naccess_key = "${KEYS.accessKey}"\nsecret_file = "${tree.path("secret")}"`,
			`[pool.p]\npath = "${tree.path("pool")}"\n${port === undefined ? "" : replica}`,
			`[disk.web]\nvolume = "p/web"\ndurability = "${durability}"\n[disk.web.nbd]\n`,
		];
		tree.configure(lines.join("\n"));
	}

	async start(): Promise<void> {
		await this.tree.start();
		await this.tree.state("web", "open");
		if (this.#core === undefined) return;
		for (const { pid } of await this.tree.processes()) if (pid !== null) pin(pid, this.#core);
	}

	/** Writes a second. */
	async writes(round: number, seconds: number): Promise<number> {
		const time = ["--time_based", `--runtime=${seconds}`, `--randseed=${round + 1}`];
		const cores = this.#core === undefined ? [] : [`--cpus_allowed=${this.#core}`];
		const uri = `nbd+unix:///web?socket=${this.tree.path("nbd.sock")}`;
		return (await fio(uri, "--iodepth=16", `--size=${GIB}`, ...time, ...cores)).write.iops;
	}

	async residentKib(): Promise<number> {
		return residentKib([await this.tree.pidOf("worker")], this.tree.path("pool"));
	}

	/** What its replica lacks, in bytes; and what does not get on at the moment, in words, as on a slow line it is now and then. Throws if nothing was sent. */
	async lag(): Promise<{ readonly lagBytes: number; readonly trouble: string }> {
		const { body } = await this.tree.ask("GET", "/api/v1/pools/p");
		const [replica] = body.replicas as unknown as readonly {
			readonly lagBytes: number;
			readonly sentBytes: number;
			readonly trouble: string | null;
		}[];
		if (replica === undefined) throw new Error("there is no replica");
		const { lagBytes, sentBytes, trouble } = replica;
		if (sentBytes === 0) throw new Error(`the replica: nothing is sent: ${trouble}`);
		return { lagBytes, trouble: trouble === null ? "" : `; ${trouble}` };
	}
}

/** A store to which replicas go. */
async function startObjects(port: number, core?: number): Promise<Program> {
	const folder = scratchDirectory();
	// (It goes on as another user, who has to come by.)
	chmodSync(folder, 0o755);
	const secret = `${folder}/secret`;
	writeFileSync(secret, `${KEYS.secret}\n`, { mode: 0o600 });
	const where = ["objects", `${folder}/store`, "--listen", `127.0.0.1:${port}`];
	const keys = ["--access-key", KEYS.accessKey, "--secret-file", secret];
	const program = new Program([...vbladeCommand(), ...where, ...keys]);
	await program.waitFor(/^vblade: ready: .*$/m, LIMIT_MS);
	if (core !== undefined) pin(program.pid, core);
	return program;
}

export async function measureReplicas(on: MeasuringAlone): Promise<void> {
	if (on.wants("replica") || on.wants("replica memory")) await behindSlowLine(on);
	await on.attempt(["replica cross"], () => crosswise(on));
}

async function behindSlowLine(on: MeasuringAlone): Promise<void> {
	const store = await startObjects(PORTS.objects[0]);
	const line = new SlowLine(PORTS.objects[0], SLOW.bitsPerSecond, SLOW.roundTripMs);
	await line.start(PORTS.line);
	const followed = new ReplicaHost({ port: PORTS.line, durability: "ack" });
	const plain = new ReplicaHost({ durability: "ack" });
	const seconds = Math.max(SECONDS, on.task.seconds);
	try {
		// (After a run of each that does not count: all of the volume is there then.)
		for (let round = -1; round < on.task.rounds; round++) {
			on.progress(`writes with a replica behind a slow line, round ${round + 1}`);
			const found = { followed: { rate: 0, mostKib: 0 }, plain: { rate: 0, mostKib: 0 } };
			let lag = { lagBytes: 0, trouble: "" };
			const order = round % 2 === 0 ? (["followed", "plain"] as const) : (["plain", "followed"] as const);
			for (const each of order) {
				const host = each === "followed" ? followed : plain;
				await host.start();
				found[each] = await watched(host, round + 1, seconds);
				if (host === followed) lag = await host.lag();
				// (Else it ships while the other one is measured.)
				await host.tree.stop();
			}
			if (round < 0) continue;
			const sent = `${Math.round(line.sentBytes / KIB_OF_MIB)} KiB sent, ${Math.round(lag.lagBytes / KIB_OF_MIB ** 2)} MiB behind${lag.trouble}`;
			const [with_, without] = [found.followed, found.plain];
			on.add(
				"replica",
				with_.rate / without.rate,
				`${rateText(with_.rate)}, none ${rateText(without.rate)}; ${sent}`,
			);
			const mib = (kib: number): number => Math.round(kib / KIB_OF_MIB);
			on.add(
				"replica memory",
				(with_.mostKib - without.mostKib) / KIB_OF_MIB,
				`at most ${mib(with_.mostKib)} MiB, none ${mib(without.mostKib)}`,
			);
		}
	} finally {
		for (const { tree } of [followed, plain]) await tree.program?.stop("SIGKILL");
		await line.stop();
		await store.stop();
	}
}

/** How fast it is written, and what its worker has in memory meanwhile, at most. */
async function watched(
	host: ReplicaHost,
	round: number,
	seconds: number,
): Promise<{ readonly rate: number; readonly mostKib: number }> {
	let mostKib = 0;
	let isOver = false;
	const watch = async (): Promise<void> => {
		while (!isOver) {
			mostKib = Math.max(mostKib, await host.residentKib());
			await pause(LOOK_MS);
		}
	};
	const watching = watch();
	try {
		return {
			rate: await host.writes(round, seconds),
			get mostKib() {
				return mostKib;
			},
		};
	} finally {
		isOver = true;
		await watching;
	}
}

/**
 * Each host has a core, with its load and the store that it gives the other one; `alone`: the same two without replicas, both of which are written to as well, for these are
 * not two machines: cores share a disk, and what is in their caches, and the one is slower while the other one is at work, whatever that is.
 */
async function crosswise(on: MeasuringAlone): Promise<void> {
	const stores: Program[] = [];
	const hosts: ReplicaHost[] = [];
	const seconds = Math.max(SECONDS, on.task.seconds);
	try {
		for (const core of [0, 1] as const) stores.push(await startObjects(PORTS.objects[core], core));
		const more = `, bandwidth = "${CROSSWISE}"`;
		const made = (core: 0 | 1, port?: number): ReplicaHost => {
			const host = new ReplicaHost({
				...{ durability: "flush", core, more },
				...(port !== undefined && { port }),
			});
			hosts.push(host);
			return host;
		};
		const pair = [made(0, PORTS.objects[1]), made(1, PORTS.objects[0])] as const;
		const alone = [made(0), made(1)] as const;
		for (let round = -1; round < on.task.rounds; round++) {
			on.progress(`crosswise replicas, round ${round + 1}`);
			const [rates, both] = await inTurns(round, [alone, pair], (hosts) =>
				together(hosts, round + 1, seconds),
			);
			if (round < 0) continue;
			const shares = both.map((rate, i) => rate / (rates[i] ?? Number.NaN));
			const texts = both.map((rate, i) => `${rateText(rate)} of ${rateText(rates[i] ?? Number.NaN)}`);
			on.add(
				"replica cross",
				Math.min(...shares),
				`the slower of two: ${texts.join(", ")}; ${CROSSWISE}/s each`,
			);
		}
	} finally {
		for (const { tree } of hosts) await tree.program?.stop("SIGKILL");
		for (const store of stores) await store.stop();
	}
}

/** The next round the other way round. */
async function inTurns<Of, Found>(
	round: number,
	[one, other]: readonly [Of, Of],
	measure: (of: Of) => Promise<Found>,
): Promise<readonly [Found, Found]> {
	if (round % 2 === 0) {
		const first = await measure(one);
		return [first, await measure(other)];
	}
	const last = await measure(other);
	return [await measure(one), last];
}

/** What each of them writes a second while all do. */
async function together(
	hosts: readonly ReplicaHost[],
	round: number,
	seconds: number,
): Promise<readonly number[]> {
	for (const host of hosts) await host.start();
	const rates = await Promise.all(hosts.map((host) => host.writes(round, seconds)));
	for (const host of hosts) if (host.isFollowed) await host.lag();
	for (const host of hosts) await host.tree.stop();
	return rates;
}
