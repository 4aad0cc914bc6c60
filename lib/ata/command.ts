/**
 * One ATA command on its way through a disk: the registers it came with, where its data is or goes, and the
 * registers to answer with. It is itself the block request that carries it out (and carries itself out in
 * several steps where a command needs them). Derived from by the AoE target's exchange; executed by
 * `AtaDisk`.
 */

import { BlockRequest } from "../block/request.js";
import { heapMemory, type Memory } from "../wire/memory.js";

const NO_MEMORY = heapMemory(0);

/** What a command calls back when one of its block requests is over. `AtaDisk` implements it. */
export interface CommandExecutor {
	requestFinished(command: AtaCommand): void;
}

export abstract class AtaCommand extends BlockRequest {
	/**
	 * Registers as received. `lba` is 28 bits wide unless `extended`, then 48. `count` is one byte: AoE has
	 * no high byte.
	 */
	command = 0;
	feature = 0;
	count = 0;
	lba = 0;
	/** The device register, as far as AoE carries it: bits 4 and 6 of aflags. */
	device = 0;
	/** The LBA has 48 bits: the initiator said so (aflags bit E), and the command has as many. */
	extended = false;
	/** The initiator said that data comes with the command (aflags bit W). */
	writeFlag = false;

	/**
	 * Data that came with the command: `dataOutBytes` at `dataOutMemory.bytes[dataOutOffset]`. Same lifetime
	 * as a write's bytes.
	 */
	dataOutMemory: Memory = NO_MEMORY;
	dataOutOffset = 0;
	dataOutBytes = 0;

	/**
	 * Room for data of the answer. A command that would need more is aborted. The answer to a write carries
	 * no data, so its bytes may be parked here (see `BlockRequest.park`): give the room to every command,
	 * whatever it does.
	 */
	dataInMemory: Memory = NO_MEMORY;
	dataInOffset = 0;
	dataInCapacityBytes = 0;
	/** False if the answer's data must be in that room, because the link can't take it from anywhere else. */
	dataInMayBorrow = true;

	/** The answer: registers and how much data. Valid in `answer`. `replyLba` has as many bits as `lba`. */
	replyStatus = 0;
	replyError = 0;
	replyCount = 0;
	replyLba = 0;
	/** Bytes of data in the answer: at `borrowedAddress` if that is not 0, else in the room given. */
	dataInBytes = 0;

	/** Who is carrying this command out; set by `AtaDisk.execute`. */
	executor: CommandExecutor | null = null;
	/** For commands of several steps: where the executor is. Its meaning is the executor's. */
	step = 0;

	protected finished(): void {
		this.executor?.requestFinished(this);
	}

	/**
	 * The command is over; the reply fields say how. Called exactly once per `execute`, perhaps before it
	 * returns.
	 */
	abstract answer(): void;
}
