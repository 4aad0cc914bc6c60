/**
 * `npm run bench:owners`: what a request costs on its way through the layers to a memory device and back, with requests of one,
 * three and six kinds of owner in one process. Each protocol is a kind of owner; V8's inline caches know four kinds of object and
 * go a slow way round with more, so requests must be of one kind whatever owners there are. The figures should be alike.
 * Every measurement has a process of its own, for what V8 has seen it remembers. No test depends on what it finds.
 */

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { GroupCommit } from "../../lib/block/group-commit.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { BlockOp, BlockRequest, type RequestOwner } from "../../lib/block/request.js";
import { layersOn } from "../../lib/block/stack.js";
import { Pump } from "../../lib/pump.js";
import { heapMemory } from "../../lib/wire/memory.js";
import { LIMIT_MS } from "../support/limit.js";
import { MIB, SECTOR } from "./devices.js";

const KINDS = [1, 3, 6];
const ROUNDS = 7;
const REQUESTS = 1_000_000;
const WARM_UP_REQUESTS = 300_000;
/** Requests that are used in turn; a power of two. */
const WINDOW = 64;
const DEVICE_BYTES = 16 * MIB;

class One implements RequestOwner {
	readonly request = new BlockRequest(this);
	completions = 0;

	finished(): void {
		this.completions += 1;
	}
}

class Two implements RequestOwner {
	tag = 0;
	readonly request = new BlockRequest(this);
	completions = 0;

	finished({ lengthBytes }: BlockRequest): void {
		this.tag = lengthBytes;
		this.completions += 1;
	}
}

class Three implements RequestOwner {
	completions = 0;
	readonly request = new BlockRequest(this);

	finished({ status }: BlockRequest): void {
		this.completions += 1 + status;
	}
}

class Four implements RequestOwner {
	errno = 0;
	completions = 0;
	readonly request = new BlockRequest(this);

	finished({ errno }: BlockRequest): void {
		this.errno = errno;
		this.completions += 1;
	}
}

class Five implements RequestOwner {
	readonly request = new BlockRequest(this);
	completions = 0;
	bytes = 0;

	finished({ lengthBytes }: BlockRequest): void {
		this.bytes = lengthBytes;
		this.completions += 1;
	}
}

class Six implements RequestOwner {
	readonly name = "six";
	readonly request = new BlockRequest(this);
	completions = 0;

	finished(): void {
		this.completions += 1;
	}
}

const OWNERS = [One, Two, Three, Four, Five, Six] as const;

/** Nanoseconds of CPU time per request, with owners of so many kinds taking turns. */
function measure(kinds: number): number {
	const device = layersOn(
		new MemoryDevice(DEVICE_BYTES),
		"bench",
		{ offsetSectors: 0, lengthSectors: undefined, durability: "flush" },
		new GroupCommit(new Pump()),
	);
	const owners = Array.from({ length: WINDOW }, (_, i) => new OWNERS[(i % kinds) as 0]());
	// The layers are what is measured: this loop, too, meets one kind of object.
	const requests = owners.map(({ request }) => request);
	for (const request of requests) {
		request.memory = heapMemory(SECTOR);
		request.lengthBytes = SECTOR;
	}
	const run = (count: number): void => {
		for (let i = 0; i < count; i++) {
			const request = requests[i & (WINDOW - 1)]!;
			request.op = (i & 1) === 0 ? BlockOp.read : BlockOp.write;
			request.offsetBytes = ((i * 7919) & (DEVICE_BYTES / SECTOR - 1)) * SECTOR;
			device.submit(request.begin());
		}
	};
	run(WARM_UP_REQUESTS);
	// The time of the processor: that of the clock would be others' too.
	const before = process.cpuUsage();
	run(REQUESTS);
	const { user, system } = process.cpuUsage(before);
	const completions = owners.reduce((sum, owner) => sum + owner.completions, 0);
	if (completions !== WARM_UP_REQUESTS + REQUESTS) throw new Error(`${completions} requests came back`);
	return ((user + system) * 1000) / REQUESTS;
}

function main(): void {
	const found = new Map<number, number[]>(KINDS.map((kinds) => [kinds, []]));
	for (let round = 0; round < ROUNDS; round++)
		for (const kinds of round % 2 === 0 ? KINDS : KINDS.toReversed()) {
			const argv = [fileURLToPath(import.meta.url), String(kinds)];
			const output = execFileSync(process.execPath, argv, { encoding: "utf8", timeout: LIMIT_MS });
			found.get(kinds)?.push(Number(output));
		}
	process.stdout.write("kinds of owner   ns of CPU per request: least, median of rounds\n");
	for (const [kinds, times] of found) {
		times.sort((a, b) => a - b);
		const [least = 0] = times;
		const median = times[times.length >> 1] ?? 0;
		process.stdout.write(
			`${String(kinds).padStart(14)}   ${least.toFixed(1).padStart(28)}, ${median.toFixed(1)}\n`,
		);
	}
}

const [kinds] = process.argv.slice(2);
if (kinds === undefined) main();
else process.stdout.write(String(measure(Number(kinds))));
