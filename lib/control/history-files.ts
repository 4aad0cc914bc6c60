/**
 * The history of figures over restarts: what each disk did in each minute is kept in files of ten minutes, written again when a minute is
 * over, so that at most a minute is lost and a file is small. There are as many files as a day has; the oldest is replaced. Used by
 * `control.ts`. A file is a head in JSON, its length before it in four bytes, and rows: number of the disk, minute, values, heat map.
 */

import { HEAT_ROWS, MINUTE_SECONDS, VALUE_COUNT } from "./history.js";
import type { Observed } from "./observed.js";
import type { Keeper } from "./seams.js";

const VERSION = 1;
const FILE_MINUTES = 10;
const FILES = 144;
const HEAD_LENGTH_BYTES = 4;
const ROW_BYTES = 8 + 2 * VALUE_COUNT + HEAT_ROWS;

interface Head {
	readonly version: number;
	/** Minutes since 1970 of which this file tells; a disk that has no row did nothing. */
	readonly minutes: readonly number[];
	readonly disks: readonly string[];
}

interface Row {
	readonly values: Uint16Array;
	readonly heat: Uint8Array;
}

const fileName = (index: number): string => `history-${String(index % FILES).padStart(3, "0")}`;

export class HistoryFiles {
	readonly #keeper: Keeper;
	readonly #observed: Observed;
	/** Those of the last ten minutes, and of before a restart, in which somebody looked. */
	readonly #known = new Set<number>();
	#minute: number;

	constructor(keeper: Keeper, observed: Observed) {
		this.#keeper = keeper;
		this.#observed = observed;
		this.#minute = minuteOf(observed.startedMs);
	}

	/**
	 * Puts back what there is of the last day. What can't be read is left out, for figures of the past are not worth a start: the names
	 * of those files.
	 */
	async restore(): Promise<string[]> {
		const now = this.#minute;
		const rows = new Map<string, Map<number, Row>>();
		const unread: string[] = [];
		for (let index = 0; index < FILES; index++) {
			const name = fileName(index);
			const bytes = await this.#keeper.kept(name).catch(() => new Uint8Array(0));
			if (bytes !== undefined && !this.#read(bytes, now, rows)) unread.push(name);
		}
		const minutes = [...this.#known].sort((one, other) => one - other);
		const nothing: Row = { values: new Uint16Array(VALUE_COUNT), heat: new Uint8Array(HEAT_ROWS) };
		for (const [name, ofDisk] of rows) {
			const history = this.#observed.historyOf(name);
			for (const minute of minutes) {
				const { values, heat } = ofDisk.get(minute) ?? nothing;
				history.restoreMinute(minute, values, heat);
			}
			history.resume(now * MINUTE_SECONDS);
		}
		return unread;
	}

	/** Called at every look: when a minute is over, it is kept. */
	async looked(nowMs: number): Promise<void> {
		const minute = minuteOf(nowMs);
		const over = this.#minute;
		this.#known.add(minute);
		if (minute === over) return;
		this.#minute = minute;
		for (const known of this.#known) if (known <= minute - FILES * FILE_MINUTES) this.#known.delete(known);
		await this.#write(over);
	}

	/** At the end: what there is of this minute. */
	async close(): Promise<void> {
		await this.#write(this.#minute);
	}

	async #write(last: number): Promise<void> {
		const first = last - (last % FILE_MINUTES);
		const minutes = [...this.#known].filter((minute) => minute >= first && minute <= last);
		const disks: string[] = [];
		const rows: { disk: number; minute: number; row: Row }[] = [];
		for (const [name, { history }] of this.#observed.disks())
			for (const minute of minutes) {
				const row = history?.keptMinute(minute);
				if (row === undefined || row.values.every((code) => code === 0 || code === 0xffff)) continue;
				if (disks.at(-1) !== name) disks.push(name);
				rows.push({ disk: disks.length - 1, minute, row });
			}
		if (rows.length === 0) return;
		await this.#keeper.keep(
			fileName(first / FILE_MINUTES),
			bytesOf({ version: VERSION, minutes, disks }, rows),
		);
	}

	/** False if it is no file of ours, or was cut. */
	#read(bytes: Uint8Array, now: number, rows: Map<string, Map<number, Row>>): boolean {
		const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
		try {
			const start = HEAD_LENGTH_BYTES + view.getUint32(0, true);
			const head = JSON.parse(new TextDecoder().decode(bytes.subarray(HEAD_LENGTH_BYTES, start))) as Head;
			if (head.version !== VERSION) return false;
			const isKept = (minute: number): boolean => minute <= now && minute > now - FILES * FILE_MINUTES;
			for (const minute of head.minutes) if (isKept(minute)) this.#known.add(minute);
			for (let at = start; at + ROW_BYTES <= bytes.length; at += ROW_BYTES) {
				const name = head.disks[view.getUint32(at, true)];
				const minute = view.getUint32(at + 4, true);
				if (name === undefined || !isKept(minute)) continue;
				const values = Uint16Array.from({ length: VALUE_COUNT }, (_, index) =>
					view.getUint16(at + 8 + 2 * index, true),
				);
				const heat = bytes.slice(at + 8 + 2 * VALUE_COUNT, at + ROW_BYTES);
				const ofDisk = rows.get(name) ?? new Map<number, Row>();
				rows.set(name, ofDisk.set(minute, { values, heat }));
			}
			return (bytes.length - start) % ROW_BYTES === 0;
		} catch {
			return false;
		}
	}
}

function minuteOf(ms: number): number {
	return Math.floor(ms / 1000 / MINUTE_SECONDS);
}

function bytesOf(head: Head, rows: readonly { disk: number; minute: number; row: Row }[]): Uint8Array {
	const text = new TextEncoder().encode(JSON.stringify(head));
	const start = HEAD_LENGTH_BYTES + text.length;
	const bytes = new Uint8Array(start + rows.length * ROW_BYTES);
	const view = new DataView(bytes.buffer);
	view.setUint32(0, text.length, true);
	bytes.set(text, HEAD_LENGTH_BYTES);
	for (const [index, { disk, minute, row }] of rows.entries()) {
		const at = start + index * ROW_BYTES;
		view.setUint32(at, disk, true);
		view.setUint32(at + 4, minute, true);
		for (const [column, code] of row.values.entries()) view.setUint16(at + 8 + 2 * column, code, true);
		bytes.set(row.heat, at + 8 + 2 * VALUE_COUNT);
	}
	return bytes;
}
