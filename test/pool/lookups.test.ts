// Volumes on a map whose nodes have to be read first: all requests wait for that, in order, and end if it can't be had.
import t from "tap";
import { PromisedRequest } from "../../lib/block/device.js";
import { BlockOp } from "../../lib/block/request.js";
import { StorageStatus } from "../../lib/errors.js";
import { Found } from "../../lib/pool/map/entry.js";
import { NodeFault, type NodeWaiter } from "../../lib/pool/map/store.js";
import type { PageLookup } from "../../lib/pool/page-lookup.js";
import { Pool } from "../../lib/pool/pool.js";
import { openVolumeStack } from "../../lib/pool/volume-stack.js";
import { Pump } from "../../lib/pump.js";
import { blockConformance } from "../../lib/testing/block-conformance.js";
import { strictly } from "../../lib/testing/strict-layer.js";
import { heapMemory } from "../../lib/wire/memory.js";
import { MemoryFolder, testWorld } from "./memory-folder.js";

const PLAIN = { readOnly: false, offsetSectors: 0, lengthSectors: undefined, between: strictly } as const;
/** Pages of one node. */
const NODE_PAGES = 4;

/** Knows the pages of a node only a while after they were asked for; one node at a time, so that it is often asked again. */
class SlowLookup implements PageLookup {
	isBroken = false;
	loads = 0;
	/** The last nodes that were read. */
	#known: number[] = [];
	readonly #waiters = new Map<number, NodeWaiter[]>();

	constructor(
		readonly map: PageLookup,
		readonly most: number,
	) {}

	get position(): number {
		return this.map.position;
	}

	get crc(): number {
		return this.map.crc;
	}

	find(line: number, page: number, waiter: NodeWaiter | null): Found {
		const node = Math.floor(page / NODE_PAGES);
		if (!this.isBroken && this.#known.includes(node)) return this.map.find(line, page, null);
		const waiting = this.#waiters.get(node);
		if (waiting === undefined) {
			this.loads++;
			setImmediate(() => this.#loaded(node));
		}
		this.#waiters.set(node, [...(waiting ?? []), ...(waiter === null ? [] : [waiter])]);
		return Found.loading;
	}

	#loaded(node: number): void {
		const waiters = this.#waiters.get(node) ?? [];
		this.#waiters.delete(node);
		if (!this.isBroken) this.#known = [...this.#known, node].slice(-this.most);
		const fault = this.isBroken ? new NodeFault(`node ${node}`, "it can't be read") : null;
		for (const waiter of waiters) waiter.nodeReady(fault);
	}
}

async function slowVolume(most: number, pump = new Pump()) {
	const lookups: SlowLookup[] = [];
	const between = (map: PageLookup) => {
		const lookup = new SlowLookup(map, most);
		lookups.push(lookup);
		return lookup;
	};
	const pool = await Pool.create({ ...testWorld(new MemoryFolder(), 1, pump), between });
	await pool.administration.create("web", 2 * 2 ** 20, 4096);
	const { device } = await openVolumeStack(pool, "web", { ...PLAIN, durability: "ack" });
	return { device, lookup: lookups[0]! };
}

t.test("a volume on a slow map is a device", async (t) => {
	const pump = new Pump();
	const lookups: SlowLookup[] = [];
	await blockConformance(
		t,
		"on a slow map",
		async () => {
			const { device, lookup } = await slowVolume(64, pump);
			lookups.push(lookup);
			return device;
		},
		{ pump, ordered: true },
	);
	t.ok(
		lookups.some(({ loads }) => loads > 100),
		"there was something to wait for",
	);
});

t.test("what can't be had is an error, and nobody waits for ever", async (t) => {
	const { device, lookup } = await slowVolume(64);
	const ask = async (op: BlockOp, offsetBytes: number, lengthBytes: number) => {
		const promised = new PromisedRequest();
		const extents = new Float64Array(8);
		Object.assign(promised.request, {
			op,
			offsetBytes,
			lengthBytes,
			extents,
			memory: heapMemory(lengthBytes),
		});
		return (await promised.run(device)).status;
	};
	lookup.isBroken = true;
	for (const op of [BlockOp.read, BlockOp.write, BlockOp.trim, BlockOp.extents])
		t.equal(await ask(op, 512, 1024), StorageStatus.mediumError, `op ${op}`);
	t.equal(await ask(BlockOp.write, 0, 4096), StorageStatus.ok, "a whole page needs to know nothing");
	t.equal(await ask(BlockOp.read, 4096, 65536), StorageStatus.mediumError, "a read in parts");
	lookup.isBroken = false;
	t.equal(await ask(BlockOp.read, 4096, 65536), StorageStatus.ok);
	await device.close();
});
