/** A remote disk and the server at the other end, in memory: connections that are cut, a server that crashes, time that a test moves on. */

import { setImmediate as nextTurn } from "node:timers/promises";
import { type BlockDevice, PromisedRequest } from "../../lib/block/device.js";
import { BlockOp, type BlockRequest } from "../../lib/block/request.js";
import { StorageStatus } from "../../lib/errors.js";
import { NbdDevice, type NbdOptions } from "../../lib/nbd/remote/device.js";
import { Pump } from "../../lib/pump.js";
import type { Random } from "../../lib/random.js";
import type { ByteStream } from "../../lib/stream/stream.js";
import { CrashDevice } from "../../lib/testing/crash-device.js";
import { memoryStreamPair } from "../../lib/testing/memory-stream.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { heapMemory } from "../../lib/wire/memory.js";
import { ServerUnderTest } from "./client.js";

export const INTERVAL_MS = 5000;
export const RESEND = 20;
/** Turns of the event loop in which nothing comes through: then nothing will until time goes on. */
const QUIET_TURNS = 12;
const TURNS_MAX = 2e6;

export class Remote {
	readonly pump = new Pump();
	readonly clock = new VirtualClock();
	server: ServerUnderTest;
	disk: BlockDevice;
	/** Nobody can connect. */
	isDown = false;
	/** A connection is cut after some bytes up to this. */
	cutBytes = Infinity;
	/** What is on its way to the server then comes there within so long; 0: it is lost. */
	lateMs = 0;
	connections = 0;
	#cut: () => void = () => {};
	#events = 0;

	constructor(
		readonly random: Random,
		disk: BlockDevice,
	) {
		this.disk = disk;
		this.server = new ServerUnderTest(disk);
	}

	readonly connect = async (): Promise<ByteStream> => {
		this.#events++;
		if (this.isDown) throw new Error("nobody is there");
		this.connections++;
		const cutAfterBytes = this.cutBytes === Infinity ? Infinity : 200 + this.random.below(this.cutBytes);
		const late = (deliver: () => void): void =>
			void this.clock.after(this.random.below(this.lateMs), () => {
				this.#events++;
				deliver();
			});
		const { ends, cut } = memoryStreamPair({
			random: this.random,
			cutAfterBytes,
			...(this.lateMs > 0 && { late }),
		});
		this.#cut = cut;
		this.server.server.accept(ends[1]);
		return this.#watched(ends[0]);
	};

	/** Counts what comes through. */
	#watched(stream: ByteStream): ByteStream {
		const receive = stream.receive.bind(stream);
		const send = stream.send.bind(stream);
		stream.receive = (...args) => this.#counted(receive(...args));
		stream.send = (...args) => this.#counted(send(...args));
		return stream;
	}

	#counted(count: number): number {
		if (count >= 0) this.#events++;
		return count;
	}

	open(options: Partial<NbdOptions> = {}): Promise<NbdDevice> {
		const { pump, clock, connect } = this;
		const resend = RESEND;
		return NbdDevice.open({
			...{
				name: "",
				connect,
				pump,
				clock,
				allocate: heapMemory,
				resend,
				intervalMs: INTERVAL_MS,
				readOnly: false,
			},
			...options,
		});
	}

	/** Reads that the server has had. */
	get reads(): number {
		return this.server.disk.stats.reads;
	}

	/** The server is gone, and with it what it was not asked to make stable; nobody can connect until it is back. */
	crash(): void {
		this.#cut();
		this.server.close();
		this.isDown = true;
		if (this.disk instanceof CrashDevice) this.disk = this.disk.crash(this.random, this.random.next());
	}

	restart(disk = this.disk): void {
		this.disk = disk;
		this.server = new ServerUnderTest(disk);
		this.isDown = false;
	}

	/** Waits for something, with time going on whenever nothing else does. `each`: called in every turn. */
	async until<T>(promise: Promise<T>, each: () => void = () => {}): Promise<T> {
		let isOver = false;
		const over = (): void => {
			isOver = true;
		};
		promise.then(over, over);
		for (let turns = 0, quiet = 0, events = 0; !isOver; turns++) {
			if (turns > TURNS_MAX) throw new Error("nothing comes of it");
			await nextTurn();
			each();
			quiet = this.#events === events ? quiet + 1 : 0;
			events = this.#events;
			if (quiet >= QUIET_TURNS) {
				quiet = 0;
				this.clock.step();
			}
		}
		return promise;
	}

	/** Time goes on by so much, with all that happens meanwhile. */
	async pass(ms: number): Promise<void> {
		let resolve = (): void => {};
		const passed = new Promise<void>((ok) => {
			resolve = ok;
		});
		this.clock.after(ms, () => resolve());
		await this.until(passed);
	}
}

export function request(
	device: BlockDevice,
	pump: Pump,
	fields: Partial<
		Pick<
			BlockRequest,
			"op" | "offsetBytes" | "lengthBytes" | "memory" | "fua" | "mayUnmap" | "ranges" | "extents"
		>
	>,
): Promise<BlockRequest> {
	const promised = new PromisedRequest();
	Object.assign(promised.request, fields);
	const over = promised.run(device);
	pump.run();
	return over;
}

/** Random requests, each worker's in its part of the disk, held against what the disk should have. */
export class Load {
	readonly model: Buffer;
	readonly problems: string[] = [];
	done = 0;
	readonly #partBytes: number;

	constructor(
		readonly device: BlockDevice,
		readonly pump: Pump,
		readonly random: Random,
		readonly workers = 6,
	) {
		this.model = Buffer.alloc(device.info.sizeBytes);
		this.#partBytes = Math.floor(device.info.sizeBytes / workers / 512) * 512;
	}

	/** Each worker makes so many. Resolves when all are over. */
	async run(count: number): Promise<void> {
		await Promise.all(Array.from({ length: this.workers }, (_, worker) => this.#work(worker, count)));
	}

	async #work(worker: number, count: number): Promise<void> {
		for (let i = 0; i < count; i++) {
			const { random } = this;
			const lengthBytes = 512 * (1 + random.below(24));
			const offsetBytes =
				worker * this.#partBytes + 512 * random.below((this.#partBytes - lengthBytes) / 512 + 1);
			const memory = heapMemory(lengthBytes);
			const op = random.pick([
				BlockOp.read,
				BlockOp.write,
				BlockOp.write,
				BlockOp.trim,
				BlockOp.writeZeroes,
				BlockOp.flush,
			]);
			if (op === BlockOp.write) memory.bytes.fill(1 + random.below(255));
			const fields = op === BlockOp.flush ? { op } : { op, offsetBytes, lengthBytes, memory };
			const { status } = await request(this.device, this.pump, { ...fields, fua: random.chance(0.1) });
			this.done++;
			const part = this.model.subarray(offsetBytes, offsetBytes + lengthBytes);
			if (status !== StorageStatus.ok) this.problems.push(`operation ${op}: status ${status}`);
			else if (op === BlockOp.read) {
				if (!part.equals(memory.bytes)) this.problems.push(`other bytes at ${offsetBytes}`);
			} else if (op === BlockOp.write) part.set(memory.bytes);
			else if (op !== BlockOp.flush) part.fill(0);
		}
	}
}

/** All that a device has. */
export async function contents(device: BlockDevice, pump: Pump): Promise<Buffer> {
	const memory = heapMemory(device.info.sizeBytes);
	await request(device, pump, { op: BlockOp.read, offsetBytes: 0, lengthBytes: memory.bytes.length, memory });
	return Buffer.from(memory.bytes);
}
