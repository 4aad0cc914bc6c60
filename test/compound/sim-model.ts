/**
 * What each sector of a simulated mirror may be read as. Sectors hold numbers, another one for each write; 0 is zeros. Kept by the client of
 * the simulation (`sim-client.ts`), asked with each read.
 */

/** A sector: all that it may still come back as, oldest first. */
interface Cell {
	readonly values: number[];
	/** What it may be read as now: indexes of `values`. */
	live: number[];
	/** What is certain to survive, or something later: an index. */
	floor: number;
}

export class SectorModel {
	readonly #cells: Cell[];

	constructor(sectors: number) {
		this.#cells = Array.from({ length: sectors }, () => ({ values: [0], live: [0], floor: 0 }));
	}

	/** A change is submitted. Returns what `changed` wants to know. */
	changing(sector: number, value: number): number {
		const { values } = this.#cells[sector]!;
		values.push(value);
		return values.length - 1;
	}

	/** It is over. `isStable`: that was asked for. */
	changed(sector: number, index: number, isOk: boolean, isStable: boolean): void {
		const cell = this.#cells[sector]!;
		if (!isOk) {
			cell.live.push(index);
			return;
		}
		cell.live = [index];
		if (isStable) cell.floor = Math.max(cell.floor, index);
	}

	/** For `flushed`: what a flush that is submitted now makes stable. */
	flushing(): number[] {
		return this.#cells.map(({ live }) => Math.min(...live));
	}

	/** A flush is over. If it has failed, what was complete may be lost. */
	flushed(flushing: readonly number[], isOk: boolean): void {
		for (const [sector, cell] of this.#cells.entries()) {
			if (isOk) cell.floor = Math.max(cell.floor, flushing[sector]!);
			else this.#widen(cell);
		}
	}

	#widen(cell: Cell): void {
		cell.live = [];
		for (let i = cell.floor; i < cell.values.length; i++) cell.live.push(i);
	}

	/** The machine has lost its power; or the only member that was left, which has not yet said so. */
	crashed(): void {
		for (const cell of this.#cells) this.#widen(cell);
	}

	/**
	 * A sector was read. An answer that was not possible is told; one that was is the only one from now on. `isStable`: what is read has
	 * survived already.
	 */
	read(sector: number, value: number, isStable: boolean): string | undefined {
		const cell = this.#cells[sector]!;
		const index = cell.live.findLast((each) => cell.values[each] === value);
		if (index === undefined) {
			const possible = cell.live.map((each) => cell.values[each]).join(", ");
			return `sector ${sector} is read as ${value}, and may be ${possible}`;
		}
		cell.live = cell.live.filter((each) => cell.values[each] === value);
		if (isStable) cell.floor = Math.max(cell.floor, Math.min(...cell.live));
		return undefined;
	}
}
