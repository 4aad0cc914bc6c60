/**
 * A lineage beside plain tables of what every head, point and moment reads, in histories of chance. Used by `lineage.test.ts`.
 */

import { Dead } from "../../lib/pool/map/dead.js";
import { type FreeSink, Lineage } from "../../lib/pool/map/lineage.js";
import { chainsOf } from "../../lib/pool/map/lineage-census.js";
import { encodeLineage } from "../../lib/pool/map/lineage-form.js";
import { lineageIn } from "../../lib/pool/map/lineage-read.js";
import type { Point } from "../../lib/pool/map/point.js";
import { sharedSectors, uniqueSectors } from "../../lib/pool/map/takings.js";
import { atOnce } from "../../lib/pool/map/turns.js";
import type { Random } from "../../lib/random.js";

const PAGES = 12;

/** Births of pages, by page. */
type Pages = ReadonlyMap<number, number>;

interface ModelLine {
	readonly number: number;
	readonly begun: Pages;
	readonly from: number;
	readonly changes: { position: number; page: number; birth: number | undefined }[];
	windowAt: number;
}

interface ModelPoint {
	point: Point;
	readonly pages: Pages;
}

export function pagesAt({ begun, changes }: ModelLine, position: number): Pages {
	const pages = new Map(begun);
	for (const change of changes) {
		if (change.position >= position) break;
		if (change.birth === undefined) pages.delete(change.page);
		else pages.set(change.page, change.birth);
	}
	return pages;
}

function sectorsOf(birth: number): number {
	return 1 + (birth % 512);
}

function sumOf(births: Iterable<number>): number {
	return [...births].reduce((sum, birth) => sum + sectorsOf(birth), 0);
}

export class World {
	readonly free = new Set<number>();
	readonly born = new Set<number>();
	readonly wrong: string[] = [];
	readonly sink: FreeSink = {
		free: (position, sectors) => this.#freed(position, sectors),
		freePart: ({ place }) => {
			if (!this.parts.delete(place)) this.wrong.push(`part ${place} is freed again`);
		},
	};
	/** Parts of lists, by place. */
	readonly parts = new Map<number, Uint8Array>();
	lineage = new Lineage(this.sink);
	readonly lines: ModelLine[] = [];
	points: ModelPoint[] = [];
	position = 10;
	#next = 1;

	constructor(readonly random: Random) {}

	#freed(birth: number, sectors: number): void {
		if (this.free.has(birth) || sectors !== sectorsOf(birth)) this.wrong.push(`${birth} is freed again`);
		this.free.add(birth);
	}

	any<T>(list: readonly T[]): T | undefined {
		return list[this.random.below(list.length)];
	}

	addLine(origin?: ModelPoint): void {
		const number = this.#next++;
		this.lineage.addLine(number, origin?.point);
		const begun = origin?.pages ?? new Map<number, number>();
		const from = origin?.point.position ?? 0;
		this.lines.push({ number, begun, from, changes: [], windowAt: 0 });
	}

	change(line: ModelLine, page: number, isWrite: boolean): void {
		const birth = pagesAt(line, Infinity).get(page);
		const death = ++this.position;
		if (birth !== undefined)
			this.lineage.died(
				Object.assign(new Dead(), { volume: line.number, birth, sectors: sectorsOf(birth), death }),
			);
		if (isWrite) this.born.add(death);
		line.changes.push({ position: death, page, birth: isWrite ? death : undefined });
	}

	keep(line: ModelLine): void {
		const oldest = Math.max(line.windowAt, line.from);
		const position = oldest + Math.ceil(this.random.next() ** 0.3 * (this.position + 1 - oldest));
		const point = this.lineage.keep(line.number, position);
		const pages = pagesAt(line, position);
		point.sectors = sumOf(pages.values());
		this.points.push({ point, pages });
	}

	end(line: ModelLine): void {
		for (const page of pagesAt(line, Infinity).keys()) this.change(line, page, false);
		this.lineage.end(line.number);
		this.lines.splice(this.lines.indexOf(line), 1);
	}

	moveWindow(line: ModelLine, position: number): void {
		line.windowAt = Math.max(line.windowAt, position);
		this.lineage.moveWindow(line.number, position);
	}

	step(): void {
		const { random } = this;
		const line = this.any(this.lines);
		const point = this.any(this.points.filter(({ point }) => point.isWanted));
		const choice = random.below(40);
		if (line === undefined || (choice === 0 && this.lines.length < 6))
			this.addLine(random.chance(0.7) ? point : undefined);
		else if (choice < 4) this.keep(line);
		else if (choice < 6 && point) this.lineage.giveUp(point.point);
		else if (choice === 6 && random.chance(0.5)) this.end(line);
		else if (choice < 10)
			this.moveWindow(line, line.windowAt + random.below(this.position + 1 - line.windowAt));
		else this.change(line, random.below(PAGES), random.chance(0.8));
		if (random.chance(0.05)) this.store();
		this.work(random.below(4));
	}

	/** What is in memory of some lists is stored, in parts. */
	store(): void {
		const kept = this.points.map(({ point }) => point);
		const append = (bytes: Uint8Array) => {
			const place = this.#next++;
			this.parts.set(place, bytes.slice());
			return { place, crc: 0 };
		};
		for (const chain of chainsOf(this.lineage, kept))
			if (this.random.chance(0.5)) chain.store({ append }, 1 + this.random.below(4));
	}

	/** A step; what is away is read. False if nothing is left to do. */
	work(steps: number): boolean {
		const isDone = this.lineage.step(steps);
		const { away } = this.lineage;
		const part = away?.away;
		if (!away || !part) return !isDone;
		const bytes = this.parts.get(part.place);
		if (!bytes || !away.fill(part, new Int32Array(bytes.slice().buffer), () => true))
			this.wrong.push(`part ${part.place} is not there`);
		return true;
	}

	settle(): void {
		for (const line of this.lines) this.moveWindow(line, this.position + 1);
		while (this.work(10));
	}

	encoded(): Uint8Array {
		return Buffer.concat([
			...encodeLineage(
				this.lineage,
				this.points.map(({ point }) => point),
			),
		]);
	}

	/** As if the pool were closed and opened. */
	reopen(): void {
		if (this.random.chance(0.5)) while (this.work(10));
		this.points = this.points.filter(({ point }) => point.heir === null);
		const { lineage, points } = atOnce(lineageIn(this.encoded(), this.sink));
		this.lineage = lineage;
		const taken = new Set<Point>();
		for (const kept of this.points) {
			const { line, position, isWanted } = kept.point;
			const same = points.find(
				(point) =>
					point.line.number === line.number &&
					point.position === position &&
					point.isWanted === isWanted &&
					!taken.has(point),
			);
			if (same === undefined) throw new Error(`the point at ${position} is gone`);
			taken.add(same);
			kept.point = same;
		}
	}

	/** Everything that is read, by whom. */
	#read(): Set<number>[] {
		this.points = this.points.filter(({ point }) => point.heir === null);
		const inWindow = this.lines.map((line) => {
			const later = line.changes.filter(({ position }) => position >= line.windowAt);
			const births = later.map(({ birth }) => birth).filter((birth) => birth !== undefined);
			return new Set([
				...pagesAt(line, line.windowAt).values(),
				...births,
				...pagesAt(line, Infinity).values(),
			]);
		});
		return [...this.points.map(({ pages }) => new Set(pages.values())), ...inWindow];
	}

	checkSafe(): void {
		for (const set of this.#read())
			for (const birth of set) if (this.free.has(birth)) this.wrong.push(`${birth} is read, and free`);
	}

	/** After `settle`. */
	checkExact(): void {
		const sets = this.#read();
		const read = new Set(sets.flatMap((set) => [...set]));
		for (const birth of this.born)
			if (!read.has(birth) && !this.free.has(birth)) this.wrong.push(`nobody reads ${birth}`);
		for (const { point } of this.points)
			if (!point.isWanted && [...point.children].filter(({ isDead }) => !isDead).length < 2)
				this.wrong.push(`nobody needs the point at ${point.position}`);
		this.points.forEach(({ point }, i) => {
			if (point.children.size > 1) return;
			const alone = [...sets[i]!].filter((birth) => sets.every((set, j) => j === i || !set.has(birth)));
			const unique = uniqueSectors(point);
			if (unique < sumOf(alone))
				this.wrong.push(`a point at ${point.position} has ${unique} alone, not ${sumOf(alone)}`);
		});
	}

	/** What lines take up, and that giving up a point frees what was said. */
	checkTakings(): void {
		while (this.work(10));
		this.points = this.points.filter(({ point }) => point.heir === null);
		const kept = new Set(this.points.flatMap(({ pages }) => [...pages.values()]));
		for (const line of this.lines) {
			const present = new Set(pagesAt(line, Infinity).values());
			const shared = sumOf([...present].filter((birth) => kept.has(birth)));
			const past = line.changes.filter(({ position }) => position >= line.windowAt);
			const read = [...pagesAt(line, line.windowAt).values(), ...past.map(({ birth }) => birth ?? -1)];
			const history = sumOf(
				new Set(read.filter((birth) => birth > 0 && !kept.has(birth) && !present.has(birth))),
			);
			const taken = this.lineage.line(line.number)!;
			const found = [sharedSectors(taken)!, taken.history] as const;
			// What is stored is not counted when a point is made among it.
			if (taken.uncounted === 0) this.#same(`line ${line.number}`, found, [shared, history]);
			else if (found[0] < shared || found[1] > history) this.wrong.push(`line ${line.number}: ${found}`);
		}
		const histories = this.lines.map(({ number }) => this.lineage.line(number)!.history);
		this.#same(
			"the history of all lines",
			this.lineage.history.sectors,
			histories.reduce((sum, each) => sum + each, 0),
		);
		const point = this.any(this.points.filter(({ point }) => point.isWanted))?.point;
		if (point === undefined) return;
		const [said, before] = [uniqueSectors(point), sumOf(this.free)];
		this.lineage.giveUp(point);
		while (this.work(10));
		this.#same(`the point at ${point.position}`, said, sumOf(this.free) - before);
	}

	#same(what: string, found: unknown, wanted: unknown): void {
		const [one, other] = [JSON.stringify(found), JSON.stringify(wanted)];
		if (one !== other) this.wrong.push(`${what}: ${one} and not ${other}`);
	}

	giveUpAll(): void {
		for (const line of [...this.lines]) this.end(line);
		for (const { point } of this.points) if (point.isWanted) this.lineage.giveUp(point);
		while (this.work(10));
		if (this.parts.size > 0) this.wrong.push(`${this.parts.size} parts are never freed`);
		if (this.free.size !== this.born.size)
			this.wrong.push(`${this.born.size - this.free.size} are never freed`);
	}
}
