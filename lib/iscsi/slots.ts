/**
 * The commands of one connection that are under way, each in a slot of its own, so that data that was asked for finds its command by the
 * tag that it carries. Kept by `commands.ts`.
 */

import { IMMEDIATE_MAX, type IscsiCommand, SLOTS, slotOf } from "./command.js";
import { WINDOW } from "./window.js";

export class Slots {
	readonly #commands: (IscsiCommand | null)[] = new Array(SLOTS).fill(null);
	readonly #free: number[] = Array.from({ length: SLOTS }, (_, slot) => SLOTS - 1 - slot);
	readonly #generations = new Uint16Array(SLOTS);
	#immediate = 0;
	#count = 0;

	get count(): number {
		return this.#count;
	}

	/** There is one for a command of that kind. */
	hasFree(isImmediate: boolean): boolean {
		return isImmediate ? this.#immediate < IMMEDIATE_MAX : this.#count - this.#immediate < WINDOW;
	}

	take(command: IscsiCommand): void {
		const slot = this.#free.pop()!;
		command.slot = slot;
		this.#generations[slot]! += 1;
		command.generation = this.#generations[slot]!;
		this.#commands[slot] = command;
		this.#count += 1;
		if (command.isImmediate) this.#immediate += 1;
	}

	give(command: IscsiCommand): void {
		this.#commands[command.slot] = null;
		this.#free.push(command.slot);
		this.#count -= 1;
		if (command.isImmediate) this.#immediate -= 1;
	}

	/** Whose data has that tag; null: whoever it was is gone. */
	asking(transferTag: number): IscsiCommand | null {
		const command = this.#commands[slotOf(transferTag)] ?? null;
		const isSame = command !== null && command.tagOf(0) >>> 16 === transferTag >>> 16;
		return isSame ? command : null;
	}

	/** What the initiator calls so, and has more data for that was not asked for. */
	unsolicited(tag: number): IscsiCommand | null {
		for (let slot = 0; slot < SLOTS; slot++) {
			const command = this.#commands[slot];
			if (command !== null && command!.tag === tag && command!.isUnsolicited) return command!;
		}
		return null;
	}

	/** Somebody of them waits for data, and has a room for it. */
	get holdsRoom(): boolean {
		return this.#commands.some((command) => command !== null && command.room !== null);
	}

	all(): IscsiCommand[] {
		return this.#commands.filter((command) => command !== null);
	}
}
