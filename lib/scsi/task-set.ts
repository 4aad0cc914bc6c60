/**
 * What a logical unit and one nexus have with each other: the tasks that are under way (a task set of its own for each nexus: SPC-4, 7.5.8,
 * TST 001b), in which order they may begin, and what the initiator is still to be told. Kept by `unit.ts`; a task is in one from
 * `LogicalUnit.begin` until it ends. A task that is not simple holds up those of its own nexus alone: nobody can make others wait.
 */

import type { Asc } from "./protocol.js";
import { TaskAttribute } from "./protocol.js";
import type { ScsiTask, TaskCompany } from "./task.js";

/** Unit attentions; of more only the first are told, and the rest is in those. */
const ATTENTIONS_MAX = 8;
const HELD_MAX = 64;
/**
 * Bytes of data that tasks may have with them while they are held back, of one nexus and of all of this thread: a small part of what rooms there are,
 * so that those which they wait for find some.
 */
const HELD_BYTES_MAX = 1024 * 1024;
const ALL_HELD_BYTES_MAX = 16 * 1024 * 1024;
let allHeldBytes = 0;

/** Somebody who waits until some tasks are over. */
interface Waiting {
	readonly tasks: Set<ScsiTask>;
	readonly resolve: () => void;
}

export class TaskSet implements TaskCompany {
	/** Those that have begun and not ended. */
	readonly tasks: ScsiTask[] = [];
	readonly #attentions: Asc[] = [];
	/** In order of arrival. */
	readonly #held: ScsiTask[] = [];
	#heldBytes = 0;
	/** An ordered task that is being carried out. */
	#ordered: ScsiTask | null = null;
	readonly #waiting: Waiting[] = [];

	/** The initiator is told once, before its next command is carried out (SAM-5, 5.14). */
	attend(asc: Asc): void {
		if (!this.#attentions.includes(asc) && this.#attentions.length < ATTENTIONS_MAX)
			this.#attentions.push(asc);
	}

	/** The next that it is to be told, which is forgotten with `isTold`. */
	attention(isTold: boolean): Asc | undefined {
		if (this.#attentions.length === 0) return undefined;
		return isTold ? this.#attentions.shift() : this.#attentions[0];
	}

	enter(task: ScsiTask): void {
		task.index = this.tasks.length;
		this.tasks.push(task);
	}

	/**
	 * By a task that is about to change or read the medium: true if it may do so now; else it `isHeld`, and advances when its turn has come. False,
	 * too, if too much is held already: then it is not. `bytes`: of data that it takes meanwhile.
	 */
	mayGo(task: ScsiTask, bytes: number): boolean {
		const { attribute } = task;
		if (attribute === TaskAttribute.headOfQueue) return true;
		const isOrdered = attribute === TaskAttribute.ordered;
		if (!isOrdered && this.#held.length === 0 && this.#ordered === null) return true;
		if (isOrdered && this.tasks.length === 1) {
			this.#ordered = task;
			return true;
		}
		const hasSpace = this.#heldBytes + bytes <= HELD_BYTES_MAX && allHeldBytes + bytes <= ALL_HELD_BYTES_MAX;
		if (!hasSpace || this.#held.length >= HELD_MAX) return false;
		this.#held.push(task);
		this.#heldBytes += bytes;
		allHeldBytes += bytes;
		task.heldBytes = bytes;
		task.isHeld = true;
		return false;
	}

	/** It is over. `goOn` is called when the initiator has been told. */
	leave(task: ScsiTask): void {
		const last = this.tasks.pop()!;
		if (last !== task) {
			this.tasks[task.index] = last;
			last.index = task.index;
		}
		if (this.#ordered === task) this.#ordered = null;
		if (task.isHeld) this.#letGo(this.#held.indexOf(task));
		if (this.#waiting.length > 0) this.#tellEnd(task);
	}

	#letGo(index: number): void {
		const [task] = this.#held.splice(index, 1);
		this.#heldBytes -= task!.heldBytes;
		allHeldBytes -= task!.heldBytes;
		task!.isHeld = false;
	}

	/** Those go on whose turn it is. */
	goOn(): void {
		while (this.#held.length > 0 && this.#ordered === null) {
			const first = this.#held[0]!;
			if (first.attribute === TaskAttribute.ordered) {
				if (this.tasks.length > this.#held.length) return;
				this.#ordered = first;
			}
			this.#letGo(0);
			first.advance();
		}
	}

	/** Resolves when nothing of any of these is under way any more. `isTold`: their initiators are told. */
	async abort(tasks: readonly ScsiTask[], isTold = false): Promise<void> {
		if (tasks.length === 0) return;
		const left = new Set(tasks);
		const over = new Promise<void>((resolve) => this.#waiting.push({ tasks: left, resolve }));
		// (Those that are held back first: else they would begin when those before them end.)
		for (const isHeld of [true, false])
			for (const task of tasks)
				if (left.has(task) && task.isHeld === isHeld && !task.isAborted) task.abort(isTold);
		await over;
	}

	async abortAll(): Promise<void> {
		await this.abort([...this.tasks]);
	}

	#tellEnd(task: ScsiTask): void {
		for (let index = this.#waiting.length - 1; index >= 0; index--) {
			const { tasks, resolve } = this.#waiting[index]!;
			if (!tasks.delete(task) || tasks.size > 0) continue;
			this.#waiting.splice(index, 1);
			resolve();
		}
	}
}
