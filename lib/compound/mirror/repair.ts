/**
 * A read of a mirror that is answered when what it has found is written where it could not be read. Made by `reads.ts` when it is needed, which
 * is rare.
 */

import { BlockOp, type BlockRequest } from "../../block/request.js";
import { StorageStatus } from "../../errors.js";
import type { Memory } from "../../wire/memory.js";
import type { Ledger } from "./ledger.js";
import type { Member } from "./member.js";
import type { Allocate } from "./metadata.js";
import { Attempt } from "./pending.js";

export interface RepairEvents {
	/** What a member could not read was written there again. */
	onRepaired(member: Member, offsetBytes: number, lengthBytes: number): void;
}

export class Repair {
	readonly #read: BlockRequest;
	readonly #ledger: Ledger;
	readonly #events: RepairEvents;
	/** What was read: whoever is written to and does not answer may write it when the client has used its memory for something else. */
	readonly #found: Memory;
	/** By bits: whom to repair. */
	#bad: number;

	constructor(read: BlockRequest, bad: number, ledger: Ledger, allocate: Allocate, events: RepairEvents) {
		const { memory, memoryOffset, lengthBytes } = read;
		this.#read = read;
		this.#bad = bad;
		this.#ledger = ledger;
		this.#events = events;
		this.#found = allocate(lengthBytes);
		this.#found.bytes.set(memory.bytes.subarray(memoryOffset, memoryOffset + lengthBytes));
	}

	begin(): void {
		const { members } = this.#ledger;
		while (this.#bad !== 0) {
			const index = members.findIndex((member) => (this.#bad & (1 << member.index)) !== 0);
			this.#bad &= ~(1 << index);
			const member = members[index]!;
			if (!member.inSync) continue;
			const { offsetBytes, lengthBytes } = this.#read;
			const writing = new Writing((status) => this.#written(member, status));
			writing.write(member, this.#found, offsetBytes, lengthBytes);
			return;
		}
		this.#read.resume();
	}

	#written(member: Member, status: StorageStatus): void {
		const { offsetBytes, lengthBytes } = this.#read;
		if (status === StorageStatus.ok) {
			member.repairs++;
			this.#events.onRepaired(member, offsetBytes, lengthBytes);
		} else {
			this.#ledger.lose(member, status);
		}
		this.begin();
	}
}

class Writing extends Attempt {
	readonly #done: (status: StorageStatus) => void;

	constructor(done: (status: StorageStatus) => void) {
		super();
		this.#done = done;
	}

	write(member: Member, memory: Memory, offsetBytes: number, lengthBytes: number): void {
		const { request } = this;
		request.op = BlockOp.write;
		request.offsetBytes = offsetBytes;
		request.lengthBytes = lengthBytes;
		request.memory = memory;
		this.submit(member.device!, member.pending);
	}

	protected override ended(): void {
		this.#done(this.status);
	}
}
