/**
 * Keeps a file and, if asked to, a link busy without end, and says "busy" when it is. The tests of this directory run it as
 * a worker thread and as a process, and end it in the middle of its work.
 *
 * As a process:  node load.js FILE HOW [LINK]      HOW: how it ends, as soon as it is busy: exit, throw, close, kill, stay
 * As a worker:   workerData { file, link?, how }   HOW: close, exit, throw, stay (until it is terminated)
 */

import { isMainThread, parentPort, workerData } from "node:worker_threads";
import { StorageEngine } from "../../lib/block/engine.js";
import { FileDevice } from "../../lib/block/file.js";
import { BlockOp, BlockRequest, type RequestOwner } from "../../lib/block/request.js";
import { StorageStatus } from "../../lib/errors.js";
import type { FrameSink } from "../../lib/link/link.js";
import { PacketLink } from "../../lib/link/packet.js";
import { nativeMemory } from "../../lib/native.js";
import { Pump } from "../../lib/pump.js";
import { MAC_BROADCAST } from "../../lib/wire/ethernet.js";

export interface LoadOrder {
	readonly file: string;
	readonly link?: string | undefined;
	readonly how: string;
}

const REQUESTS = 48;
const REQUEST_BYTES = 64 * 1024;
/** Completions after which there is no doubt. */
const BUSY_AFTER = 200;
/** What `exit` and `throw` end with is this, or 1. */
export const EXIT_CODE = 7;

/** Begins again whenever it is over. Every third one is a flush: it has to wait for the disk. */
class Endless implements RequestOwner {
	readonly #request = new BlockRequest(this);
	#rounds = 0;

	constructor(
		readonly device: FileDevice,
		readonly index: number,
		readonly onRound: (request: Endless) => void,
	) {
		this.#request.memory = nativeMemory(REQUEST_BYTES);
		this.#request.lengthBytes = REQUEST_BYTES;
	}

	start(): void {
		this.#rounds += 1;
		const request = this.#request;
		request.op =
			[BlockOp.write, BlockOp.read, BlockOp.flush][(this.index + this.#rounds) % 3] ?? BlockOp.read;
		request.fua = request.op === BlockOp.write;
		request.offsetBytes = this.index * REQUEST_BYTES;
		this.device.submit(request.begin());
	}

	finished({ status }: BlockRequest): void {
		if (status === StorageStatus.closed) return;
		this.onRound(this);
	}
}

export interface Load {
	readonly engine: StorageEngine;
	readonly devices: readonly FileDevice[];
	readonly link: PacketLink | undefined;
}

/** Starts the load; `busy` is called once. */
export function startLoad({ file, link: linkName }: LoadOrder, busy: () => void): Load {
	const pump = new Pump();
	const engine = new StorageEngine(pump);
	let completions = 0;
	const round = (request: Endless): void => {
		completions += 1;
		if (completions === BUSY_AFTER) setImmediate(busy);
		request.start();
	};
	const devices = [new FileDevice(engine, file, { readOnly: false, direct: false })];
	// Direct I/O where it can be had: that is the work of threads, which copy to and from our memory.
	try {
		devices.push(new FileDevice(engine, `${file}.direct`, { readOnly: false, direct: true }));
	} catch {
		devices.push(new FileDevice(engine, `${file}.direct`, { readOnly: false, direct: false }));
	}
	for (const device of devices)
		for (let index = 0; index < REQUESTS; index++) new Endless(device, index, round).start();
	const link = linkName === undefined ? undefined : startTraffic(linkName, pump);
	return { engine, devices, link };
}

/** Says everything twice that is heard, to all. */
function startTraffic(name: string, pump: Pump): PacketLink {
	const link = new PacketLink(name, pump, { framesInFlight: 64 });
	const speak = (): void => {
		const slot = link.acquire();
		if (slot === undefined) return;
		const frame = Buffer.alloc(1000);
		frame.writeUIntBE(MAC_BROADCAST, 0, 6);
		frame.writeUIntBE(link.mac, 6, 6);
		frame.writeUInt16BE(0x88a2, 12);
		frame.copy(slot.memory.bytes, slot.offset);
		link.transmit(slot, frame.length, 0);
	};
	const sink: FrameSink = {
		frame() {
			speak();
		},
		linkChanged() {},
	};
	link.attach(sink);
	for (let i = 0; i < 4; i++) speak();
	return link;
}

function end(how: string, { engine, link }: Load): void {
	switch (how) {
		case "exit":
			process.exit(EXIT_CODE);
			break;
		case "throw":
			throw new Error("thrown on purpose");
		case "kill":
			process.kill(process.pid, "SIGTERM");
			break;
		case "close":
			// Devices stay open: the engine must cope with what is under way on them.
			engine.close();
			void link?.close();
			break;
		default:
			break;
	}
}

function main(order: LoadOrder, say: (word: string) => void): void {
	const load = startLoad(order, () => {
		say("busy");
		end(order.how, load);
	});
}

if (!isMainThread && parentPort !== null) {
	const port = parentPort;
	main(workerData as LoadOrder, (word) => port.postMessage(word));
} else {
	const [file, how, link] = process.argv.slice(2);
	if (file !== undefined && how !== undefined)
		main({ file, how, link }, (word) => process.stdout.write(`${word}\n`));
}
