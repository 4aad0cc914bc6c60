/**
 * What the disks should hold: all transfers and trims in the order in which they arrived, carried out one after the other
 * on plain arrays. Overlapping requests take effect in arrival order, so every read must have returned what this gives,
 * however the storage juggled them. Knows only what replies admit: an operation counts if it was answered with success.
 */

const READS = [0x20, 0x24, 0x25, 0xc8, 0xc4, 0x29];
const WRITES = [0x30, 0x34, 0x35, 0xca, 0xc5, 0x39, 0x3d, 0xce];
const TRIM = 0x06;
/** Commands with addresses of 48 bits; those without have 28, whatever the frame carries. */
const EXTENDED = [0x24, 0x25, 0x29, 0x34, 0x35, 0x39, 0x3d, 0xce];

interface Operation {
	readonly request: Buffer;
	reply: Buffer | undefined;
}

export class Model {
	readonly #operations = new Map<number, Operation>();
	readonly #disks = new Map<number, Buffer>();
	readonly #sectors: number;

	constructor(sectors: number) {
		this.#sectors = sectors;
	}

	asked(tag: number, request: Buffer): void {
		if (request.length >= 36 && request[19] === 0) this.#operations.set(tag, { request, reply: undefined });
	}

	answered(tag: number, reply: Buffer): void {
		const operation = this.#operations.get(tag);
		if (operation !== undefined) operation.reply = reply;
	}

	/** Carries out what has come since the last time, and compares. Throws at the first read that has seen something else. */
	check(): void {
		for (const [tag, { request, reply }] of this.#operations) {
			if (reply === undefined || reply[15] !== 0 || (reply[27]! & 0x21) !== 0) continue;
			this.#carryOut(tag, request, reply);
		}
		this.#operations.clear();
	}

	#carryOut(tag: number, request: Buffer, reply: Buffer): void {
		const key = (reply.readUInt16BE(16) << 8) | reply[18]!;
		const disk = this.#disks.get(key) ?? Buffer.alloc(this.#sectors * 512);
		this.#disks.set(key, disk);
		const command = request[27]!;
		const extended = (request[24]! & 0x40) !== 0 && EXTENDED.includes(command);
		const lba = extended ? request.readUIntLE(28, 6) : request.readUInt32LE(28) & 0x0fffffff;
		const start = lba * 512;
		const length = (request[26]! || 256) * 512;
		const end = start + length;
		if (READS.includes(command)) {
			if (end > disk.length) throw new Error(`broken: read ${tag} past the end succeeded`);
			if (!reply.subarray(36).equals(disk.subarray(start, end)))
				throw new Error(`broken: read ${tag} of sector ${lba} has seen something else than was written`);
		} else if (WRITES.includes(command)) {
			if ((request[24]! & 1) === 0) throw new Error(`broken: write ${tag} without W succeeded`);
			if (end > disk.length || 36 + length > request.length)
				throw new Error(`broken: write ${tag} past the end or without its data succeeded`);
			request.copy(disk, start, 36, 36 + length);
		} else if (command === TRIM) {
			for (let at = 36; at < 36 + request[26]! * 512; at += 8) {
				const first = request.readUIntLE(at, 6) * 512;
				const size = request.readUInt16LE(at + 6) * 512;
				if (first + size > disk.length && size > 0)
					throw new Error(`broken: trim ${tag} past the end succeeded`);
				if (size > 0) disk.fill(0, first, first + size);
			}
		}
	}
}
