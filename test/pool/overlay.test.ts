// The overlay held against a plain list of all that happened, in histories of chance: what it finds, what it says has died, and when;
// and the order that a merge goes through it.

import t, { type Test } from "tap";
import type { Dead, DeadSink } from "../../lib/pool/map/dead.js";
import { Entry, FLAG_ZERO, Found, PAGES_MAX, POSITIONS_MAX } from "../../lib/pool/map/entry.js";
import { OverlayOrder } from "../../lib/pool/map/order.js";
import { Overlay } from "../../lib/pool/map/overlay.js";
import { Random } from "../../lib/random.js";

/** One thing that happened to a page. */
interface Event {
	readonly position: number;
	readonly kind: "write" | "zero" | "trim";
}

function entryOf(position: number, flags = 0): Entry {
	return Object.assign(new Entry(), {
		position,
		flags,
		sectors: 1 + (position % 512),
		crc: position % 2 ** 32,
	});
}

/** Volumes and places of pages that differ in every word of a key. */
const VOLUMES = [1, 7, 2 ** 32 - 1];
const BASES = [0, 2 ** 32 - 20, PAGES_MAX - 40];
const SPAN = 40;

/** An overlay, and all that happened to it. */
class History implements DeadSink {
	readonly overlay: Overlay;
	readonly events = new Map<string, Event[]>();
	readonly cuts: number[] = [];
	readonly births = new Map<number, string>();
	#position = POSITIONS_MAX - 2 ** 33;

	constructor(
		readonly t: Test,
		readonly random: Random,
	) {
		this.overlay = new Overlay(4096, random.below(2 ** 32), this);
	}

	died({ volume, birth, death, sectors }: Dead): void {
		const key = this.births.get(birth) ?? "";
		const events = this.events.get(key) ?? [];
		const next = events[events.findIndex(({ position }) => position === birth) + 1];
		const isRight = next && Number(key.split(":")[0]) === volume && sectors === 1 + (birth % 512);
		if (!isRight || death < next.position) this.t.fail(`${key} of ${birth} did not die at ${death}`);
		this.births.delete(birth);
	}

	#happened(volume: number, page: number, kind: Event["kind"]): void {
		const key = `${volume}:${page}`;
		this.events.set(key, [...(this.events.get(key) ?? []), { position: this.#position, kind }]);
		if (kind === "write") this.births.set(this.#position, key);
	}

	step(): void {
		const { random } = this;
		this.#position += 1 + random.below(2 ** 20);
		const volume = random.pick([1, 7, 2 ** 32 - 1]);
		const base = random.pick([0, 2 ** 32 - 20, PAGES_MAX - 40]);
		const page = base + random.below(SPAN);
		const choice = random.below(20);
		if (choice === 0) {
			this.cuts.push(this.#position);
			this.overlay.cut(this.#position);
		} else if (choice < 6) {
			const to = Math.min(base + SPAN, page + 1 + random.below(SPAN));
			for (let each = page; each < to; each++) this.#happened(volume, each, "trim");
			this.overlay.trim(volume, page, to, this.#position);
		} else {
			const isZero = choice < 9;
			this.#happened(volume, page, isZero ? "zero" : "write");
			this.overlay.insert(volume, page, entryOf(this.#position, isZero ? FLAG_ZERO : choice & 2));
		}
	}

	/** Every page is found as it is. */
	check(): void {
		for (const volume of VOLUMES)
			for (const base of BASES)
				for (let page = base; page < base + SPAN; page++) this.#checkPage(volume, page);
	}

	#checkPage(volume: number, page: number): void {
		const entry = new Entry();
		const found = this.overlay.lookUp(volume, page, entry);
		const last = this.events.get(`${volume}:${page}`)?.at(-1);
		const expected = last === undefined ? Found.none : last.kind === "write" ? Found.mapped : Found.unmapped;
		if (found !== expected) this.t.fail(`${volume}:${page} is ${found}, not ${expected}`);
		if (found === Found.mapped && entry.position !== last?.position)
			this.t.fail(`${volume}:${page} was written at ${last?.position}, not ${entry.position}`);
	}

	/** What is older died at what happened first; or later, but with no snapshot in between. */
	checkFirst(volume: number, page: number, first: number): void {
		const truth = this.events.get(`${volume}:${page}`)?.[0]?.position ?? 0;
		if (truth === 0 || first < truth || this.cuts.some((cut) => cut > truth && cut <= first))
			this.t.fail(`what was at ${volume}:${page} died at ${truth}, not ${first}`);
	}
}

t.test("what is found, and what has died, is what happened", async (t) => {
	for (let round = 0; round < 20; round++) {
		const random = new Random();
		const history = new History(t, random);
		for (let step = 0; step < 1500; step++) {
			history.step();
			if (step % 100 === 99) history.check();
		}
		const { overlay } = history;
		for (let number = 0; number < overlay.size; number++)
			history.checkFirst(overlay.volumeOf(number), overlay.pageOf(number), overlay.firstOf(number));
		const { trims } = overlay;
		for (let row = 0; row < trims.count; row++)
			for (let page = trims.from(row); page < trims.to(row); page++)
				if (overlay.lookUp(trims.volume(row), page, new Entry()) === Found.unmapped)
					if (history.events.get(`${trims.volume(row)}:${page}`)?.every(({ kind }) => kind === "trim"))
						history.checkFirst(trims.volume(row), page, trims.first(row));
		t.ok(t.passing(), `seed ${random.seed}`);
	}
});

t.test("what was overwritten is dead at once, and one that was trimmed before has died there", async (t) => {
	const deaths: number[][] = [];
	const overlay = new Overlay(8, 1, { died: ({ birth, death }) => deaths.push([birth, death]) });
	overlay.insert(1, 5, entryOf(100));
	overlay.insert(1, 5, entryOf(200));
	overlay.trim(1, 0, 10, 300);
	overlay.insert(1, 5, entryOf(300));
	overlay.insert(1, 5, entryOf(500, FLAG_ZERO));
	overlay.insert(1, 5, entryOf(600));
	t.strictSame(deaths, [
		[100, 200],
		[200, 300],
		[300, 500],
	]);
	t.equal(overlay.firstOf(0), 100, "what is older died when the page was first written");
});

t.test(
	"neighbours that are trimmed one after the other are one row, unless something is between",
	async (t) => {
		const overlay = new Overlay(8, 1);
		for (let i = 0; i < 10_000; i++) overlay.trim(1, i * 8, (i + 1) * 8, 100 + i);
		t.equal(overlay.trims.count, 1, "a disk that is trimmed range by range");
		overlay.insert(1, 3, entryOf(20_000));
		overlay.trim(1, 80_000, 80_008, 20_008);
		t.equal(overlay.trims.count, 2, "not if a page was written since: it would be hidden");
		t.equal(overlay.lookUp(1, 3, new Entry()), Found.mapped);
		overlay.trim(2, 0, 8, 20_008);
		t.equal(overlay.trims.count, 3, "not of two volumes");
		overlay.cut(20_016);
		overlay.trim(2, 8, 16, 20_016);
		t.equal(overlay.trims.count, 4, "not with a snapshot between");
		overlay.trim(2, 0, 100, 20_024);
		t.equal(overlay.trims.count, 4, "one that is trimmed again keeps the death that the snapshot knows");
		t.strictSame([overlay.trims.first(2), overlay.trims.first(3)], [20_008, 20_024]);
	},
);

t.test(
	"it says when it is full, of entries and of ranges, and has room for what the last trim makes",
	async (t) => {
		const overlay = new Overlay(3, 1);
		for (let page = 0; page < 3; page++) overlay.insert(1, page, entryOf(8));
		t.ok(overlay.isFull, "of entries");
		overlay.insert(1, 2, entryOf(16));
		t.throws(() => overlay.insert(1, 3, entryOf(24)), { message: /full/ });
		const ranges = new Overlay(3, 1);
		for (let i = 0; i < 4095; i++) ranges.trim(1, i * 2, i * 2 + 1, 8 + i);
		t.notOk(ranges.isFull);
		ranges.cut(2 ** 20);
		ranges.trim(1, 0, PAGES_MAX, 2 ** 20);
		t.ok(ranges.isFull, "of ranges");
		t.equal(ranges.trims.count, 2 * 4095);
		ranges.recycle(1);
		t.notOk(ranges.isFull);
	},
);

t.test("what is deleted is gone, and all others are found, however the index has been filled", async (t) => {
	const random = new Random();
	const overlay = new Overlay(1000, random.below(2 ** 32));
	const model = new Map<number, number>();
	for (let step = 1; step <= 20_000; step++) {
		const page = random.below(1500);
		if (random.chance(0.5) && !overlay.isFull) {
			overlay.insert(3, page, entryOf(step));
			model.set(page, step);
		} else if (overlay.delete(3, page) !== model.delete(page)) t.fail(`page ${page} was not deleted`);
	}
	const entry = new Entry();
	const found = Array.from({ length: 1500 }, (_, page) => overlay.lookUp(3, page, entry) && entry.position);
	t.strictSame(
		found,
		Array.from({ length: 1500 }, (_, page) => model.get(page) ?? 0),
		`seed ${random.seed}`,
	);
	t.equal(overlay.size, model.size);
});

t.test("entries in order of volume and page, sorted in slices", async (t) => {
	const random = new Random();
	for (const [volumes, pages] of [
		[[5], 2 ** 12],
		[[1], PAGES_MAX],
		[VOLUMES, 2 ** 33],
	] as const) {
		const overlay = new Overlay(2000, 1);
		for (let i = 0; i < 2000; i++)
			overlay.insert(volumes[random.below(volumes.length)]!, random.below(pages / 64) * 64, entryOf(i + 1));
		const order = new OverlayOrder(overlay);
		let slices = 0;
		while (!order.step(100)) slices++;
		t.ok(slices >= Math.floor(overlay.size / 100) * 3, `${slices} slices`);
		const keys = Array.from({ length: order.size }, (_, place) => {
			const number = order.at(place);
			return [overlay.volumeOf(number), overlay.pageOf(number)] as const;
		});
		const sorted = [...keys].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
		t.strictSame(keys, sorted, `seed ${random.seed}`);
		t.equal(new Set(keys.map(String)).size, overlay.size, "each once");
	}
	t.ok(new OverlayOrder(new Overlay(1, 1)).step(1) === false, "nothing takes a step or two, too");
});

t.test("an overlay is emptied in slices, and used again", async (t) => {
	const overlay = new Overlay(10_000, 1);
	for (let page = 0; page < 10_000; page++) overlay.insert(1, page, entryOf(page + 1));
	overlay.trim(1, 20_000, 30_000, 20_000);
	let slices = 1;
	while (!overlay.recycle(100)) slices++;
	t.equal(slices, 6);
	const entry = new Entry();
	t.ok([0, 9_999, 25_000].every((page) => overlay.lookUp(1, page, entry) === Found.none));
	overlay.insert(1, 7, entryOf(POSITIONS_MAX - 1));
	t.equal(overlay.lookUp(1, 7, entry), Found.mapped);
	t.strictSame(entry, entryOf(POSITIONS_MAX - 1));
});

t.test("an overlay with few entries is emptied by those, however they lie, and used again", async (t) => {
	const random = new Random();
	for (let round = 0; round < 200; round++) {
		const overlay = new Overlay(4096, random.below(2 ** 32));
		const entry = new Entry();
		// (So many that they lie behind each other, and few enough.)
		for (let again = 0; again < 3; again++) {
			const count = 1 + random.below(127);
			for (let i = 0; i < count; i++) overlay.insert(1, random.below(4096), entryOf(i + 1));
			for (let i = 0; i < 20; i++) overlay.delete(1, random.below(4096));
			let steps = 1;
			while (!overlay.recycle(1)) steps++;
			t.ok(steps <= count, `${steps} steps for ${count} entries, seed ${random.seed}`);
			let found = 0;
			for (let page = 0; page < 4096; page++) if (overlay.lookUp(1, page, entry) !== Found.none) found++;
			t.equal(found, 0, `seed ${random.seed}`);
		}
		// Nothing is left that somebody could find in place of what he has put there.
		for (let page = 0; page < 4096; page++) overlay.insert(1, page, entryOf(page + 1));
		t.equal(overlay.size, 4096);
	}
});
