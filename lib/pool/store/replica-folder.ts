/**
 * The folder of a pool that has replicas: what is written to its files goes there as it would without, and each replica (`replica.ts`) hears of it. Made by
 * whoever opens the pool (`lib/daemon/replicas.ts`).
 */

import { type CloseEnd, endWithin } from "../../block/close.js";
import type { BlockDevice } from "../../block/device.js";
import { DeviceLayer } from "../../block/layer.js";
import { BlockOp, type BlockRequest } from "../../block/request.js";
import type { Memory } from "../../wire/memory.js";
import { fileNumber, HEAD_NAME, type PoolFolder } from "../folder.js";
import { FolderLayer } from "../folder-layer.js";
import { BLOCK_BYTES } from "../format.js";
import { decodeHead, HEAD_FILE_BYTES, type HeadState } from "../head.js";
import { run } from "../run.js";
import { Flushed } from "./flushed.js";
import { Replica } from "./replica.js";
import { type Followed, ReplicaFile } from "./replica-file.js";
import type { ReplicaState } from "./replica-known.js";
import type { ReplicaOptions } from "./replica-options.js";

interface FollowedFile {
	readonly device: BlockDevice;
	readonly followed: readonly Followed[];
	readonly flushed: Flushed;
}

export class ReplicaFolder extends FolderLayer {
	readonly #options: readonly ReplicaOptions[];
	#replicas: readonly Replica[] = [];
	/** Until the head was read the pool is none that anybody knows something of. */
	#again = async (_above: number): Promise<number> => 0;
	/** By number: files stay open until the head is closed, as replicas still read them. */
	readonly #files = new Map<number, FollowedFile>();

	constructor(folder: PoolFolder, options: readonly ReplicaOptions[]) {
		super(folder);
		this.#options = options;
	}

	get states(): readonly ReplicaState[] {
		return this.#replicas.map(({ state }) => state);
	}

	override freed(slot: number, release: () => void): boolean {
		// (Once all have let it go.)
		let holders = 1;
		const one = (): void => {
			if (--holders === 0) release();
		};
		for (const replica of this.#replicas) if (replica.freed(slot, one)) holders++;
		if (super.freed(slot, one)) holders++;
		return --holders > 0;
	}

	override endHolds(): void {
		for (const replica of this.#replicas) replica.endHolds();
		super.endHolds();
	}

	override begun(again: (above: number) => Promise<number>): void {
		this.#again = again;
		super.begun(again);
	}

	async open(name: string): Promise<BlockDevice> {
		const number = fileNumber(name);
		if (number !== undefined) return this.#adopt(number, name, () => this.folder.open(name));
		return name === HEAD_NAME ? this.#openHead(await this.folder.open(name), false) : this.folder.open(name);
	}

	async create(name: string, sizeBytes: number): Promise<BlockDevice> {
		const number = fileNumber(name);
		if (number !== undefined) return this.#adopt(number, name, () => this.folder.create(name, sizeBytes));
		const device = await this.folder.create(name, sizeBytes);
		return name === HEAD_NAME ? this.#openHead(device, true) : device;
	}

	async #adopt(number: number, name: string, open: () => Promise<BlockDevice>): Promise<BlockDevice> {
		const known = this.#files.get(number);
		if (known !== undefined) return new ReplicaFile(known.device, known.followed, known.flushed);
		const device = await open();
		try {
			const place = `${this.path}/${name}`;
			const flushed = new Flushed();
			const followed = await Promise.all(
				this.#replicas.map(async (replica) => ({
					replica,
					file: await replica.adopt(number, device, place, flushed),
				})),
			);
			this.#files.set(number, { device, followed, flushed });
			return new ReplicaFile(device, followed, flushed);
		} catch (error) {
			await device.close();
			throw error;
		}
	}

	async #openHead(device: BlockDevice, isNew: boolean): Promise<BlockDevice> {
		try {
			const content = this.#options[0]!.allocate(HEAD_FILE_BYTES);
			if (!isNew) await run(device, BlockOp.read, 0, HEAD_FILE_BYTES, content, `${this.path}/${HEAD_NAME}`);
			await this.#openAll(content, isNew);
			return new ReplicaHead(device, content, this.#replicas, () => this.#close());
		} catch (error) {
			await this.#close();
			await device.close();
			throw error;
		}
	}

	async #openAll(content: Memory, isNew: boolean): Promise<void> {
		const names = await this.folder.list();
		const head = isNew ? undefined : newestIn(content, this.path);
		const bytes = (): Buffer => Buffer.from(content.bytes.subarray(0, HEAD_FILE_BYTES));
		const again = (above: number): Promise<number> => this.#again(above);
		const found = { names, head, hostSince: this.ownImage?.hostSince ?? 0, content: bytes, again };
		this.#replicas = await Promise.all(
			this.#options.map((options) => Replica.open(options, found, () => this.ownImage)),
		);
	}

	async #close(): Promise<void> {
		await Promise.all(this.#replicas.map((replica) => replica.close()));
		this.#replicas = [];
		for (const { device } of this.#files.values()) await device.close();
		this.#files.clear();
	}
}

/** Undefined: neither of its places is whole. */
function newestIn({ bytes }: Memory, name: string): HeadState | undefined {
	const [first, second] = [0, BLOCK_BYTES].map((at) =>
		decodeHead(Buffer.from(bytes.subarray(at, at + BLOCK_BYTES)), name),
	);
	if (first === undefined || second === undefined) return first ?? second;
	return first.generation > second.generation ? first : second;
}

/** The head of such a pool: of each cut it is a part as it was then. */
class ReplicaHead extends DeviceLayer {
	readonly #content: Memory;
	readonly #replicas: readonly Replica[];
	readonly #end: () => Promise<void>;
	#ending: Promise<CloseEnd> | null = null;

	constructor(device: BlockDevice, content: Memory, replicas: readonly Replica[], end: () => Promise<void>) {
		super(device);
		this.#content = content;
		this.#replicas = replicas;
		this.#end = end;
	}

	protected handle(request: BlockRequest): void {
		if (request.op === BlockOp.write) {
			this.started();
			request.push(this);
		}
		this.device.submit(request);
	}

	below(request: BlockRequest): void {
		request.park();
		void this.#written(request);
	}

	async #written(request: BlockRequest): Promise<void> {
		const { offsetBytes, lengthBytes, memory, memoryOffset } = request;
		const { bytes } = this.#content;
		bytes.set(memory.bytes.subarray(memoryOffset, memoryOffset + lengthBytes), offsetBytes);
		const head = newestIn(this.#content, "the head");
		if (head !== undefined) await Promise.all(this.#replicas.map((replica) => replica.headWritten(head)));
		this.ended();
		request.resume();
	}

	/** What is read here by replicas is closed before. */
	override close(limitMs = Number.POSITIVE_INFINITY): Promise<CloseEnd> {
		this.#ending ??= this.#end().then(() => super.close());
		return endWithin(this.#ending, limitMs);
	}
}
