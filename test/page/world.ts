/**
 * A site for the page to show: disks with names and loads as people have them, one slow, one broken, two links, some initiators, and
 * figures as workers tell them, which follow from the time alone. Used by the tests of the page and by who makes its pictures.
 */

import type { AoeExport } from "../../lib/control/model.js";
import { NO_COUNTERS } from "../../lib/control/rates.js";
import type { DiskFigures, InitiatorFigures, LinkView, Look, Measured } from "../../lib/control/seams.js";
import { classOf, HISTOGRAM_CLASSES } from "../../lib/histogram.js";
import { LINK, viewOf } from "../control/figures.js";
import { NO_ISCSI } from "../support/no-iscsi.js";

/** How long requests take: so many of a hundred so many times the usual time. */
const SHAPE = [
	[25, 0.7],
	[35, 1],
	[25, 1.4],
	[12, 2.5],
	[2, 5],
	[1, 9],
] as const;

export interface Load {
	readonly name: string;
	readonly readsPerSecond: number;
	readonly writesPerSecond: number;
	/** What a usual request takes, in microseconds. */
	readonly us: number;
	readonly initiator: number;
	readonly errorsPerSecond?: number;
}

/** More than that is not made up for at once. */
const SECONDS_MAX = 60;

/** The slow one: somebody writes to it without end. */
export const SLOW = "attic";
export const BROKEN = "lab-07";
export const BUSY_INITIATOR = mac(42);

const LOADS: readonly Load[] = [
	{ name: "web", readsPerSecond: 2400, writesPerSecond: 310, us: 120, initiator: 1 },
	{ name: "mail", readsPerSecond: 800, writesPerSecond: 900, us: 240, initiator: 2 },
	{ name: "db-primary", readsPerSecond: 5200, writesPerSecond: 1900, us: 150, initiator: 3 },
	{ name: "db-replica", readsPerSecond: 300, writesPerSecond: 1900, us: 160, initiator: 4 },
	{
		name: SLOW,
		readsPerSecond: 40,
		writesPerSecond: 260,
		us: 38_000,
		initiator: 42,
		errorsPerSecond: 0.05,
	},
];

/** `count` disks in all, idle but for some. */
function loadsOf(count: number): Load[] {
	const labs = Array.from({ length: Math.max(0, count - LOADS.length) }, (_, index) => ({
		name: `lab-${String(index + 1).padStart(2, "0")}`,
		readsPerSecond: index % 3 === 0 ? 12 + index : 0,
		writesPerSecond: index % 4 === 0 ? 5 + index : 0,
		us: 90 + 13 * (index % 7),
		initiator: 5 + (index % 8),
	}));
	return [...LOADS, ...labs];
}

function mac(index: number): string {
	return `02:00:00:00:00:${index.toString(16).padStart(2, "0")}`;
}

/** What has been counted of a disk; grows with time. */
class Counted {
	readonly counters = { ...NO_COUNTERS };
	readonly read = new Float64Array(HISTOGRAM_CLASSES);
	readonly write = new Float64Array(HISTOGRAM_CLASSES);

	/** What came in so many seconds, up to this one. */
	add(load: Load, second: number, seconds: number): void {
		const { name, readsPerSecond, writesPerSecond, errorsPerSecond = 0 } = load;
		const wave = 1 + 0.35 * Math.sin(second / 17 + name.length) + 0.1 * Math.sin(second * 1.7);
		// Somebody's hour of copying: slow and many for a while.
		const surge = name === SLOW && second % 180 > 90 ? 2.5 : 1;
		const reads = Math.round(seconds * readsPerSecond * wave);
		const writes = Math.round(seconds * writesPerSecond * wave * surge);
		this.counters.reads += reads;
		this.counters.readBytes += reads * 8192;
		this.counters.writes += writes;
		this.counters.writtenBytes += writes * 16384;
		this.counters.errors = Math.floor(errorsPerSecond * (second % 1000));
		this.counters.resends = this.counters.errors * 3;
		spread(this.read, reads, load.us * surge);
		spread(this.write, writes, load.us * 1.6 * surge);
	}
}

function spread(counts: Float64Array, requests: number, us: number): void {
	for (const [percent, times] of SHAPE)
		counts[classOf(Math.round(us * times))]! += (requests * percent) / 100;
}

function measured(counts: Float64Array): Measured | null {
	const sum = counts.reduce((all, count) => all + count, 0);
	return sum === 0 ? null : { counts: counts.slice(), sumSeconds: sum * 1e-3 };
}

export class World {
	readonly loads: readonly Load[];
	/** Who answers for the addresses of all disks, too. */
	rivals: AoeExport["rivals"] = [];
	readonly #counted = new Map<string, Counted>();
	#framesIn = 1_000_000;
	/** Until when it has counted. */
	#countedMs = 0;

	constructor(disks: number) {
		this.loads = loadsOf(disks);
		for (const { name } of this.loads) this.#counted.set(name, new Counted());
	}

	/** As a configuration file has it. */
	toml(): string {
		const tables = this.loads.map(({ name }, index) => {
			const limit = name === SLOW ? 'limit = { iops = 800, bandwidth = "40M" }\n' : "";
			const address = `${9 + Math.floor(index / 200)}.${index % 200}`;
			return `[disk.${name}]\nfile = "/srv/vblade/${name}.img"\n${limit}[disk.${name}.aoe]\naddress = "${address}"\nnetif = ["eth0"]\n`;
		});
		return tables.join("\n");
	}

	/** What a worker says of the seconds since the last look. */
	look(nowMs: number): Look {
		const busy = this.loads.filter(
			({ name, readsPerSecond, writesPerSecond }) => name !== BROKEN && readsPerSecond + writesPerSecond > 0,
		);
		// In parts of about a second: of whole ones none may end between two looks, and two between the next, a peak.
		const sinceMs = Math.max(this.#countedMs, nowMs - SECONDS_MAX * 1000);
		const parts = Math.max(1, Math.round((nowMs - sinceMs) / 1000));
		const seconds = Math.max(0, nowMs - sinceMs) / 1000 / parts;
		for (let part = 1; part <= parts; part++) {
			const second = sinceMs / 1000 + part * seconds;
			for (const load of busy) this.#counted.get(load.name)?.add(load, second, seconds);
			this.#framesIn += Math.round(12_000 * seconds);
		}
		this.#countedMs = nowMs;
		return {
			worker: 0,
			life: 1,
			figures: busy.map((load) => this.#figures(load, nowMs)),
			views: this.loads.filter(({ name }) => name !== BROKEN).map((load, index) => this.#view(load, index)),
			links: this.#links(),
			linkOptions: [],
			unheard: [],
			nbdTls: { count: 0, latest: [] },
			iscsi: NO_ISCSI,
			initiators: this.#initiators(busy, nowMs),
		};
	}

	#figures(load: Load, nowMs: number): DiskFigures {
		const { counters, read, write } = this.#counted.get(load.name)!;
		return {
			name: load.name,
			counters: { ...counters },
			causes: counters.errors > 0 ? { "medium error": counters.errors } : {},
			underWay: load.name === SLOW ? 31 : load.readsPerSecond > 1000 ? 4 : 0,
			delayed: load.name === SLOW ? 1234 : 0,
			delayedSeconds: load.name === SLOW ? 87.5 : 0,
			lastSeenMs: nowMs,
			latency: { read: measured(read), write: measured(write), flush: null },
			busiestInitiator: mac(load.initiator),
		};
	}

	#view({ name }: Load, index: number) {
		const aoe = {
			address: `${9 + Math.floor(index / 200)}.${index % 200}`,
			netif: ["eth0"],
			macs: null,
			reservedBy: [],
			configString: "",
			silenced: [],
			rivals: this.rivals,
		};
		return { ...viewOf(name, (index + 1) * 2 ** 30), aoe };
	}

	#links(): LinkView[] {
		const dropped = { masked: 17, unknownAddress: 230, backlog: Math.floor(this.#framesIn / 100_000) };
		const framesIn = this.#framesIn;
		const counts = { framesIn, framesOut: framesIn, bytesIn: framesIn * 900, bytesOut: framesIn * 1400 };
		const up: LinkView = { ...LINK, ...counts, dropped, disks: this.loads.length, initiators: 13 };
		const down = { ...LINK, name: "eth1", state: "down", reason: "no cable", dropped: {} } as const;
		return [up, { ...down, disks: 0, initiators: 0, framesIn: 0, framesOut: 0, bytesIn: 0, bytesOut: 0 }];
	}

	#initiators(busy: readonly Load[], nowMs: number): InitiatorFigures[] {
		return [...new Set(busy.map(({ initiator }) => initiator))].map((index) => {
			const loads = busy.filter(({ initiator }) => initiator === index);
			const counted = loads.map(({ name }) => this.#counted.get(name)!);
			const counters = { ...NO_COUNTERS };
			for (const each of counted)
				for (const key of ["reads", "readBytes", "writes", "writtenBytes", "resends"] as const)
					counters[key] += each.counters[key];
			const first = counted[0]!;
			return {
				mac: mac(index),
				link: "eth0",
				disks: loads.map(({ name }) => name),
				counters,
				lastSeenMs: nowMs,
				latency: { read: measured(first.read), write: measured(first.write), flush: null },
				onDisk: () => undefined,
			};
		});
	}
}
