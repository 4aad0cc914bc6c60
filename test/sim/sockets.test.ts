// The same model on real sockets: our server on files, initiators of ours at the other end of a virtual cable, each behind a
// bad network of its own. SIM_SEED=n begins with that seed; then rates and requests are the same, the timing is not.
import { execFileSync } from "node:child_process";
import { closeSync, ftruncateSync, openSync } from "node:fs";
import path from "node:path";
import t from "tap";
import { parseArguments } from "../../lib/cli/arguments.js";
import { type BladeArguments, type ServeOptions, specOf } from "../../lib/cli/specs.js";
import { Initiator } from "../../lib/client/initiator.js";
import { systemClock } from "../../lib/clock.js";
import type { Daemon } from "../../lib/daemon/daemon.js";
import { startDaemon } from "../../lib/daemon/start.js";
import { interfaceInfo } from "../../lib/link/interfaces.js";
import { PacketLink } from "../../lib/link/packet.js";
import { Pump } from "../../lib/pump.js";
import { Random } from "../../lib/random.js";
import { type FaultCounts, faultySchedule } from "../../lib/testing/faulty-schedule.js";
import { LossyLink } from "../../lib/testing/lossy-link.js";
import { pause, scratchDirectory, until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { Model } from "./model.js";
import { SECTOR } from "./stamps.js";
import { firstSeed } from "./worker.js";
import { use } from "./workload.js";

const SEEDS = 36;
/** At the same time, each with a blade and a socket of its own. */
const TOGETHER = 36;
const SECTORS = 24;
const SHELF = 9;
const TRANSIT_MAX_MS = 250;
const FRAME_LIFETIME_MS = 350;

function ip(command: string): void {
	execFileSync("ip", command.split(" "), { stdio: ["ignore", "ignore", "inherit"], timeout: LIMIT_MS });
}

/** A blade for each seed, on sparse files. */
function serveFiles(): Promise<Daemon> {
	const directory = scratchDirectory();
	const blades = Array.from({ length: SEEDS }, (_, slot): BladeArguments => {
		const file = path.join(directory, `${slot}.img`);
		const descriptor = openSync(file, "w");
		ftruncateSync(descriptor, SECTORS * SECTOR);
		closeSync(descriptor);
		const netifs = [{ kind: "interface", name: "near" }] as const;
		return { shelf: SHELF, slot, netifs, storage: { kind: "file", name: file, path: file } };
	});
	const { options } = parseArguments(["9", "0", "lo", "mem:1M"], () => []) as { options: ServeOptions };
	const quiet = (): void => {};
	return startDaemon(
		specOf(blades, options),
		{ error: quiet, warn: quiet, info: quiet, verbose: quiet },
		"1.0",
	);
}

interface Played {
	readonly counts: FaultCounts;
	readonly retransmissions: number;
}

/** One initiator on one blade. On every other seed frames keep their order, and the initiator is a plain one. */
async function play(seed: number, slot: number, pump: Pump): Promise<Played> {
	const random = new Random(seed);
	const ordered = seed % 2 === 0;
	const { schedule, counts } = faultySchedule({
		clock: systemClock,
		random: new Random(~seed),
		ordered,
		dropRate: random.pick([0.02, 0.1]),
		corruptRate: 0.02,
		duplicateRate: ordered ? 0.1 : 0,
		delayRate: random.pick([0.05, 0.2]),
		delayMs: random.pick([5, TRANSIT_MAX_MS]),
	});
	const link = new LossyLink(new PacketLink("far", pump, { framesInFlight: 64 }), schedule);
	const frameLifetimeMs = ordered ? 0 : FRAME_LIFETIME_MS;
	const initiator = new Initiator(link, { deadlineMs: 60_000, frameLifetimeMs });
	try {
		const disk = await initiator.open(SHELF, slot);
		const scene = { model: new Model(SECTORS, "ack"), random, pause };
		const workload = { operations: 20, atATime: 4, pauseMs: 50 };
		await use(scene, [disk], workload);
		await pause(TRANSIT_MAX_MS);
		await use(scene, [disk], { ...workload, operations: 0 });
		return { counts, retransmissions: initiator.stats.retransmissions };
	} finally {
		initiator.close();
		await link.close();
	}
}

async function main(): Promise<void> {
	ip("link add name near mtu 2200 type veth peer name far mtu 2200");
	for (const name of ["near", "far"]) ip(`link set ${name} up`);
	await until("the carriers", () => ["near", "far"].every((name) => interfaceInfo(name)?.up), LIMIT_MS);
	const server = await serveFiles();
	t.test("what is read is what may be there, on real sockets too", async (t) => {
		t.setTimeout(230_000);
		const seed = firstSeed();
		t.comment(`SIM_SEED=${seed}`);
		let retransmissions = 0;
		for (let from = 0; from < SEEDS; from += TOGETHER) {
			const pump = new Pump();
			const slots = Array.from({ length: TOGETHER }, (_, number) => from + number);
			const outcomes = await Promise.allSettled(slots.map((slot) => play(seed + slot, slot, pump)));
			for (const [at, outcome] of outcomes.entries()) {
				const name = `seed ${seed + from + at}`;
				if (outcome.status === "rejected") t.error(outcome.reason, name);
				else t.pass(`${name}: ${JSON.stringify(outcome.value.counts)}`);
				if (outcome.status === "fulfilled") retransmissions += outcome.value.retransmissions;
			}
		}
		t.ok(retransmissions > SEEDS, `${retransmissions} retransmissions`);
	});
	t.teardown(() => server.close());
}

if (await inNamespace(import.meta.url)) await main();
