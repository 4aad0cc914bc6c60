/** What volumes are called, by line, and nothing else of what records say: for `examine.ts`, which changes nothing and stores nothing. */

import type { CheckpointState } from "./checkpoint-text.js";
import { decodeNote } from "./notes.js";
import type { ReplaySink } from "./replay-records.js";

export class LineNames implements ReplaySink {
	readonly isFull = false;
	since = 0;
	readonly #names = new Map<number, string>();

	restore({ sequence, volumes }: CheckpointState): void {
		this.since = sequence;
		for (const { line, name } of volumes) this.#names.set(line, name);
	}

	of(line: number): string | undefined {
		return this.#names.get(line);
	}

	page(): void {}

	hole(): void {}

	notes(notes: readonly Uint8Array[]): void {
		for (const bytes of notes) {
			const note = decodeNote(bytes);
			if (note === undefined || !("line" in note)) continue;
			const name = this.#names.get(note.line);
			if (note.note === "create" || note.note === "rename") this.#names.set(note.line, note.name);
			else if (note.note === "delete") this.#names.delete(note.line);
			else if ((note.note === "rollback" || note.note === "replace") && name !== undefined)
				this.#names.set(note.newLine, name);
		}
	}

	isReadyFor(): boolean {
		return true;
	}

	async settle(): Promise<void> {}
}
