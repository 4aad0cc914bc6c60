/**
 * What goes with an operation to the addon and is no field of it: the list of ranges of a trim, and the room for extents, which
 * a worker fills while JavaScript may do anything with its own memory. Kept by `engine.ts`.
 */

import { invariant } from "../errors.js";
import { nativeMemory, OPERATION_LIST, OperationField } from "../native.js";
import type { Memory } from "../wire/memory.js";
import { RANGES_MAX } from "./ranges.js";
import { BlockOp, type BlockRequest } from "./request.js";

/** Extents that one answer has room for; for more one has to ask again. */
export const ANSWER_EXTENTS = 256;
const { BYTES_PER_ELEMENT } = Float64Array;

/** Room for the extents of one request. */
class Answer {
	readonly memory: Memory = nativeMemory(ANSWER_EXTENTS * 2 * BYTES_PER_ELEMENT);
	readonly numbers = new Float64Array(this.memory.bytes.buffer);
}

export class Enclosures {
	/** The lists of ranges of the batch, one behind the other. */
	readonly #listMemory = nativeMemory(RANGES_MAX * 2 * BYTES_PER_ELEMENT);
	readonly #lists = new Float64Array(this.#listMemory.bytes.buffer);
	#listsUsed = 0;
	/** By token. */
	readonly #answers = new Map<number, Answer>();
	readonly #unused: Answer[] = [];

	/** The addon has copied the lists of the batch before. */
	beginBatch(): void {
		this.#listsUsed = 0;
	}

	/** A list that does not fit behind those of the batch waits for the next one. */
	hasRoomFor(ranges: Float64Array): boolean {
		invariant(ranges.length <= this.#lists.length, "a request has too many ranges");
		return this.#listsUsed + ranges.length <= this.#lists.length;
	}

	/** Adds a list to the operation whose fields begin at `at`. */
	addList(operations: Float64Array, at: number, ranges: Float64Array): void {
		this.#lists.set(ranges, this.#listsUsed);
		operations[at + OperationField.kind]! += OPERATION_LIST;
		operations[at + OperationField.address] = this.#listMemory.address + this.#listsUsed * BYTES_PER_ELEMENT;
		operations[at + OperationField.park] = ranges.length / 2;
		this.#listsUsed += ranges.length;
	}

	/** Adds room for extents. */
	addAnswer(operations: Float64Array, at: number, { extents }: BlockRequest, token: number): void {
		invariant(extents !== null && extents.length >= 2, "there is no room for an extent");
		const answer = this.#unused.pop() ?? new Answer();
		this.#answers.set(token, answer);
		operations[at + OperationField.address] = answer.memory.address;
		operations[at + OperationField.park] = Math.min(ANSWER_EXTENTS, Math.floor(extents.length / 2));
	}

	/** The request is over: its extents, if it has any, become its own. */
	takeAnswer(request: BlockRequest, token: number): void {
		const answer = this.#answers.get(token);
		if (request.op !== BlockOp.extents || answer === undefined) return;
		this.#answers.delete(token);
		this.#unused.push(answer);
		const { numbers } = answer;
		const room = Math.min(ANSWER_EXTENTS, Math.floor((request.extents?.length ?? 0) / 2));
		let count = 0;
		while (count < room && numbers[2 * count]! > 0) count++;
		request.extents?.set(numbers.subarray(0, 2 * count));
		request.extentCount = count;
	}
}
