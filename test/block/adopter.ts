/**
 * A process that may open nothing: as `nobody`, with a system-call filter, it adopts files that the process at the other end of
 * its channel (descriptor 3) opens for it, and does with them what it is asked to. Run by `passing.test.ts`.
 */

import { openSync } from "node:fs";
import { type BlockDevice, PromisedRequest } from "../../lib/block/device.js";
import { StorageEngine } from "../../lib/block/engine.js";
import { FileDevice } from "../../lib/block/file.js";
import { GroupCommit } from "../../lib/block/group-commit.js";
import { BlockOp } from "../../lib/block/request.js";
import { layersOn } from "../../lib/block/stack.js";
import { Asking, type Delivery } from "../../lib/channel/asking.js";
import { becomeUser } from "../../lib/privileges.js";
import { Pump } from "../../lib/pump.js";
import { LIMIT_MS } from "../support/limit.js";
import { flush, isAll, named, read, trim, write } from "./file-bench.js";

const CHANNEL = 3;
const MIB = 1024 * 1024;

const pump = new Pump();
const engine = new StorageEngine(pump);
const commits = new GroupCommit(pump);
let device: BlockDevice | undefined;

/** As the worker of a daemon does. */
async function adopt(path: string, options: { readOnly: boolean; direct: boolean }): Promise<object> {
	const all = { ...options, synced: true };
	const file = await FileDevice.adopt(engine, path, all, async () => {
		const { body, files } = await asking.ask({ body: { path, ...all } }, LIMIT_MS);
		const [descriptor = -1] = files.take();
		return { descriptor, traits: body.traits as number[] };
	});
	const layers = { ...options, offsetSectors: 0, lengthSectors: undefined, durability: "ack" as const };
	device = layersOn(file, path, layers, commits, file.alignBytes);
	return { ...device.info };
}

/** Every kind of request, and what came of each. */
async function exercise(disk: BlockDevice): Promise<object> {
	const written = named(await write(disk, MIB, MIB, 7, true));
	const back = await read(disk, MIB + 512, 4096);
	const trimmed = named(await trim(disk, 0, 64 * 1024));
	const zero = new PromisedRequest();
	Object.assign(zero.request, {
		op: BlockOp.writeZeroes,
		offsetBytes: MIB,
		lengthBytes: 64 * 1024,
		mayUnmap: false,
	});
	const zeroed = named(await zero.run(disk));
	const extents = new PromisedRequest();
	Object.assign(extents.request, {
		op: BlockOp.extents,
		lengthBytes: 4 * MIB,
		extents: new Float64Array(64),
	});
	return {
		written,
		read: `${named(back)} ${isAll(back.bytes, 7)}`,
		trimmed,
		zeroed,
		zeros: isAll((await read(disk, MIB, 4096)).bytes, 0),
		extents: named(await extents.run(disk)),
		flushed: named(await flush(disk)),
		last: named(await read(disk, disk.info.sizeBytes - 512, 512)),
	};
}

function opening(path: string): string {
	try {
		openSync(path, "r");
		return "done";
	} catch (error) {
		return (error as NodeJS.ErrnoException).code ?? "";
	}
}

async function answer({ body }: Delivery): Promise<{ body: object }> {
	switch (body.do) {
		case "adopt":
			return {
				body: await adopt(String(body.path), {
					readOnly: body.readOnly === true,
					direct: body.direct === true,
				}),
			};
		case "memory":
			device = FileDevice.inMemory(engine, "mem:8M", 8 * MIB, { readOnly: false });
			return { body: { ...device.info } };
		case "exercise":
			return { body: device === undefined ? {} : await exercise(device) };
		case "size":
			return { body: { sizeBytes: device?.info.sizeBytes } };
		case "open":
			return { body: { path: opening(String(body.path)) } };
		case "close":
			return { body: { end: await device?.close() } };
		default:
			throw new Error("what?");
	}
}

const asking = new Asking(CHANNEL, { answer, told() {}, ended: () => process.exit(0) }, { mostFiles: 1 });
becomeUser("nobody", false, process.ppid);
