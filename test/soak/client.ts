/**
 * An initiator of the soak, a process of its own: reads, writes, trims and flushes its part of a blade, and knows what every
 * sector must hold. Started by `soak.ts` in a namespace; goes on until its standard input ends, then prints what it has done
 * as JSON. What it knows goes to a file, from which its next life takes it and verifies all of it first.
 * usage: client INTERFACE SLOT FIRST-LBA SECTORS SEED STATE-FILE
 */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { ErrorBit } from "../../lib/ata/status.js";
import { DiskError, NoAnswerError } from "../../lib/client/errors.js";
import { Initiator } from "../../lib/client/initiator.js";
import type { RemoteDisk } from "../../lib/client/remote-disk.js";
import { PacketLink } from "../../lib/link/packet.js";
import { Pump } from "../../lib/pump.js";
import { Random } from "../../lib/random.js";

const SECTOR = 512;
const MOST_SECTORS = 32;
/** Requests at a time, each in a stripe of its own: two that overlap would leave it open who was last. */
const WORKERS = 8;
/** After so long a request is given up and asked again: the MTU may have shrunk, and then it must be cut anew. */
const DEADLINE_MS = 2000;
/** How long a request may be asked again: no link is down for longer. */
const PATIENCE_MS = 30_000;

const [, , interfaceName = "", slot = "", first = "", sectors = "", seed = "", stateFile = ""] = process.argv;
const firstLba = Number(first);
const sectorCount = Number(sectors);
const counts = {
	reads: 0,
	writes: 0,
	trims: 0,
	flushes: 0,
	verifiedSectors: 0,
	askedAgain: 0,
	aborted: 0,
	retransmissions: 0,
};
/** By sector of our part: generation of the last write; 0 for zeros. */
const generations: number[] = existsSync(stateFile)
	? (JSON.parse(readFileSync(stateFile, "utf8")) as number[])
	: new Array<number>(sectorCount).fill(0);
let generation = generations.reduce((most, each) => Math.max(most, each), 0);
let stopping = false;

/** What a sector holds after its write of that generation: its address and the generation, all over. */
function stamp(into: Uint8Array, at: number, lba: number, of: number): void {
	const view = new DataView(into.buffer, into.byteOffset + at, SECTOR);
	for (let word = 0; word < SECTOR; word += 8) {
		view.setUint32(word, of === 0 ? 0 : lba, true);
		view.setUint32(word + 4, of, true);
	}
}

/** Throws if what was read from our sector `from` on is not what was written. */
function verify(bytes: Uint8Array, from: number): void {
	const expected = new Uint8Array(SECTOR);
	for (let at = 0; at < bytes.length; at += SECTOR) {
		const sector = from + at / SECTOR;
		const lba = firstLba + sector;
		stamp(expected, 0, lba, generations[sector]!);
		const found = bytes.subarray(at, at + SECTOR);
		if (!Buffer.from(found).equals(expected)) {
			const view = new DataView(found.buffer, found.byteOffset, SECTOR);
			throw new Error(
				`e9.${slot} LBA ${lba}: generation ${generations[sector]} expected, ` +
					`LBA ${view.getUint32(0, true)} generation ${view.getUint32(4, true)} found (seed ${seed})`,
			);
		}
		counts.verifiedSectors += 1;
	}
}

/** Does `work` until it is answered. */
async function patiently<T>(work: () => Promise<T>): Promise<T> {
	const endMs = Date.now() + PATIENCE_MS;
	for (;;) {
		try {
			return await work();
		} catch (error) {
			if (Date.now() > endMs) throw error;
			// More sectors than the target's frames hold, now that its MTU has shrunk: they are cut anew.
			if (error instanceof DiskError && error.error === ErrorBit.abrt && error.status === 0x41)
				counts.aborted += 1;
			else if (error instanceof NoAnswerError) counts.askedAgain += 1;
			else throw error;
		}
	}
}

/** One of the things that an initiator does, in a stripe of our sectors. */
async function step(disk: RemoteDisk, random: Random, stripe: number): Promise<void> {
	const stripeSectors = Math.floor(sectorCount / WORKERS);
	const count = 1 + random.below(MOST_SECTORS);
	const from = stripe * stripeSectors + random.below(stripeSectors - count);
	const lba = firstLba + from;
	const kind = random.below(100);
	if (kind < 45) {
		verify(await patiently(() => disk.read(lba, count)), from);
		counts.reads += 1;
	} else if (kind < 92) {
		const of = ++generation;
		const bytes = new Uint8Array(count * SECTOR);
		for (let i = 0; i < count; i++) stamp(bytes, i * SECTOR, lba + i, of);
		await patiently(() => disk.write(lba, bytes));
		generations.fill(of, from, from + count);
		counts.writes += 1;
	} else if (kind < 97 && disk.identity.trimBlocksMax > 0) {
		await patiently(() => disk.trim(lba, count));
		generations.fill(0, from, from + count);
		counts.trims += 1;
	} else {
		await patiently(() => disk.flush());
		counts.flushes += 1;
	}
}

async function verifyAll(disk: RemoteDisk): Promise<void> {
	for (let from = 0; from < sectorCount; from += 64) {
		const count = Math.min(64, sectorCount - from);
		verify(await patiently(() => disk.read(firstLba + from, count)), from);
	}
}

const link = new PacketLink(interfaceName, new Pump(), { framesInFlight: 64 });
const initiator = new Initiator(link, { deadlineMs: DEADLINE_MS });
process.stdin.on("end", () => {
	stopping = true;
});
process.stdin.resume();
const disk = await patiently(() => initiator.open(9, Number(slot)));
await verifyAll(disk);
process.stdout.write("at work\n");
const work = async (stripe: number): Promise<void> => {
	const random = new Random(Number(seed) + stripe);
	while (!stopping) await step(disk, random, stripe);
};
await Promise.all(Array.from({ length: WORKERS }, (_, stripe) => work(stripe)));
await verifyAll(disk);
const { sectorCount: size } = await patiently(() => disk.identify());
counts.retransmissions = initiator.stats.retransmissions;
writeFileSync(stateFile, JSON.stringify(generations));
process.stdout.write(`${JSON.stringify({ ...counts, size })}\n`);
initiator.close();
await link.close();
