// What is done when a pool becomes full, on the space of `space-world.ts`: cleaning, then history, then writes are refused; and a pool that is
// full becomes emptier by trims alone. Windows of history and schedules of snapshots beside, which are arithmetic.

import t from "tap";
import { SEGMENT_SECTORS } from "../../lib/pool/format.js";
import { atOnce } from "../../lib/pool/map/turns.js";
import { due, scheduledName } from "../../lib/pool/space/keep.js";
import {
	checkpointBytes,
	isEnough,
	mayWrite,
	Next,
	nextStep,
	reserveSlots,
} from "../../lib/pool/space/room.js";
import { NO_SLOT } from "../../lib/pool/space/slots.js";
import { Windows } from "../../lib/pool/space/windows.js";
import { Random } from "../../lib/random.js";
import { RESERVE, SLOTS, SpaceWorld } from "./space-world.js";

const PAGE_SECTORS = 256;
const NOTHING_HELD = { hasNext: false, nodeSlots: 1, targetSectors: 0, hasNodeRoom: false } as const;

/** A volume that is written over and over; what was there before is history. */
class Volume {
	readonly world = new SpaceWorld(new Random(), [PAGE_SECTORS]);
	readonly pages: number[] = [];
	readonly history: number[] = [];
	readonly #random = new Random();

	constructor() {
		this.world.isQuiet = true;
	}

	/** Another page, or one again; false if that is refused. */
	async write(isAgain: boolean): Promise<boolean> {
		const { world } = this;
		for (let tries = 0; !this.#append(); tries++) {
			if (tries === 4) throw new Error("there is room, and it can't be had");
			if ((await this.makeRoom()) === Next.refuse) return false;
		}
		const position = [...world.live.keys()].at(-1)!;
		const at = isAgain && this.pages.length > 0 ? this.#random.below(this.pages.length) : this.pages.length;
		if (at < this.pages.length) this.history.push(this.pages[at]!);
		this.pages[at] = position;
		return true;
	}

	/** A page; a segment's end may come first. */
	#append(): boolean {
		const { world } = this;
		const { size } = world.live;
		for (let i = 0; i < 2 && world.live.size === size; i++) world.append();
		return world.live.size > size;
	}

	/** What came last of what was to be done: nothing more, or that writes are refused. */
	async makeRoom(): Promise<Next> {
		const { world, history } = this;
		let isStuck = false;
		let cleanedInVain = 0;
		let most = world.slots.free + world.slots.waiting;
		for (let steps = 0; steps < 3000; steps++) {
			const slot = atOnce(world.cleaner.emptiest(world.heads[1].segment));
			const emptiest = slot === NO_SLOT || isStuck ? undefined : world.table.liveIn(slot);
			const { free, waiting } = world.slots;
			const hasHistory = history.length > 0;
			const isUnsettled = world.heads[1].segment < world.segment;
			if (free + waiting > most) cleanedInVain = 0;
			most = Math.max(most, free + waiting);
			const held = { ...NOTHING_HELD, targetSectors: world.cleaner.targetSectors };
			const counts = {
				free,
				reserve: RESERVE,
				held,
				waiting,
				heldBack: 0,
				emptiest,
				cleanedInVain,
				untold: 0,
			};
			const next = nextStep({
				...counts,
				isUnsettled,
				hasHistory,
				canGrow: false,
				growsBelow: 0,
				liveShare: 1,
				slots: 64,
			});
			if (next === Next.nothing || next === Next.refuse) return next;
			isStuck = false;
			if (next === Next.checkpoint) world.checkpoint();
			else if (next === Next.clean) {
				isStuck = !(await world.cleaner.clean(world.heads[1].segment, SEGMENT_SECTORS));
				cleanedInVain++;
			} else {
				for (const position of history.splice(0, 1 + history.length / 4)) world.die(position);
				cleanedInVain = 0;
			}
		}
		throw new Error("making room has no end");
	}
}

t.test(
	"a full pool gives up history, then refuses writes; what is trimmed can be written again (trap 11)",
	async (t) => {
		const volume = new Volume();
		const { world, pages, history } = volume;
		while (pages.length < 200) await volume.write(false);
		for (let i = 0; i < 1_000; i++)
			if (!(await volume.write(true))) t.fail("history is in the way of a write");
		while (pages.length < 10_000 && (await volume.write(false)));
		t.equal(history.length, 0, "nothing of it is left");
		const most = ((SLOTS - RESERVE) * SEGMENT_SECTORS) / PAGE_SECTORS;
		t.ok(pages.length > 0.8 * most, `${pages.length} pages of ${most} have a place`);
		t.notOk(await volume.write(true), "and no other has, though it replaced one");
		for (const position of pages.splice(100)) world.die(position);
		t.ok(await volume.write(true), "without being opened again");
		for (let i = 0; i < 500; i++) if (!(await volume.write(true))) t.fail("it is not full");
		world.check();
		t.strictSame(world.wrong, []);
	},
);

t.test(
	"where there is room the emptiest slot need not be looked for; a pool that has to be written with zeros grows before",
	(t) => {
		const counts = {
			slots: 131_072,
			free: 800,
			reserve: 200,
			waiting: 0,
			heldBack: 0,
			cleanedInVain: 0,
			untold: 0,
		};
		const others = { isUnsettled: true, hasHistory: true, canGrow: true, emptiest: 1, liveShare: 0.4 };
		const standing = { ...counts, ...others, growsBelow: 8, held: NOTHING_HELD };
		t.ok(isEnough(standing));
		t.equal(nextStep(standing), Next.nothing);
		t.notOk(isEnough({ ...standing, free: 210 }));
		t.equal(nextStep({ ...standing, free: 210, canGrow: false }), Next.clean, "where there is little");
		const small = { ...standing, slots: 16, free: 10, reserve: 4, liveShare: 0.5 };
		t.equal(nextStep(small), Next.grow);
		t.equal(nextStep({ ...small, growsBelow: 0 }), Next.nothing);
		t.equal(nextStep({ ...small, liveShare: 0.4 }), Next.nothing, "cleaning gives enough");
		t.equal(nextStep({ ...small, free: 12 }), Next.nothing);
		t.end();
	},
);

t.test("what cleaning takes before it gives is left, and a checkpoint's slot with it", async (t) => {
	const counts = {
		slots: 16,
		reserve: 4,
		waiting: 0,
		heldBack: 0,
		cleanedInVain: 0,
		untold: 0,
		liveShare: 0.4,
		growsBelow: 0,
	};
	const emptiest = SEGMENT_SECTORS / 2;
	const full = { ...counts, isUnsettled: false, canGrow: false, emptiest, held: NOTHING_HELD };
	t.equal(nextStep({ ...full, free: 3, hasHistory: true }), Next.clean);
	t.equal(nextStep({ ...full, free: 2, hasHistory: true }), Next.giveUp);
	t.equal(nextStep({ ...full, free: 2, hasHistory: true, emptiest: emptiest / 2 }), Next.clean);
	t.equal(nextStep({ ...full, free: 2, hasHistory: false }), Next.clean);
	t.equal(nextStep({ ...full, free: 1, hasHistory: false }), Next.refuse);
	const nodes = { ...full, free: 2, hasHistory: true };
	const two = { ...NOTHING_HELD, nodeSlots: 2 };
	t.equal(nextStep({ ...nodes, held: two }), Next.renewNodes);
	t.equal(nextStep({ ...nodes, held: two, free: 0 }), Next.giveUp);
	t.equal(nextStep({ ...nodes, held: { ...two, hasNodeRoom: true } }), Next.clean);
	const hasTarget = { ...NOTHING_HELD, targetSectors: emptiest };
	t.equal(nextStep({ ...full, free: 1, hasHistory: false, held: hasTarget }), Next.clean, "it has room");
	t.equal(nextStep({ ...full, free: 0, hasHistory: false, held: hasTarget }), Next.refuse);
	t.equal(
		nextStep({ ...full, free: 0, hasHistory: false, held: { ...hasTarget, hasNodeRoom: true } }),
		Next.clean,
	);
	t.equal(
		nextStep({ ...full, free: 1, hasHistory: true, held: { ...hasTarget, hasNodeRoom: true } }),
		Next.clean,
	);
});

t.test(
	"cleaning begins when half is left, and one checkpoint gives back what it has emptied until then",
	async (t) => {
		const counts = {
			slots: 512,
			reserve: 20,
			heldBack: 0,
			emptiest: 100,
			cleanedInVain: 0,
			liveShare: 0.7,
			growsBelow: 0,
		};
		const next = (left: number, waiting: number, untold = 0) => {
			const standing = { ...counts, free: 20 + left, waiting, untold, held: NOTHING_HELD };
			return nextStep({ ...standing, isUnsettled: true, hasHistory: false, canGrow: false });
		};
		t.equal(next(9, 0), Next.nothing);
		t.equal(next(9, 3), Next.nothing, "though some would come back");
		for (let waiting = 0; waiting < 8; waiting++) t.equal(next(8, waiting), Next.clean);
		t.equal(next(8, 8), Next.checkpoint);
		t.equal(next(5, 8), Next.clean, "writes have taken some meanwhile");
		t.equal(next(1, 8), Next.checkpoint, "and so many that no more can wait");
		t.equal(next(1, 0), Next.clean);
		t.equal(next(8, 0, 16), Next.checkpoint, "first of all it is asked what has died");
	},
);

t.test("what writes don't get", async (t) => {
	const reserve = (pages: number, tableBytes: number): number =>
		reserveSlots(Infinity, checkpointBytes(1_000_000, pages, tableBytes), NOTHING_HELD);
	t.equal(reserve((20 * 2 ** 30) / 4096, 0), 22, "180 MB for 20 GiB");
	t.equal(reserve(2 ** 40 / 4096, 64 * 2 ** 20), 205, "1.7 GB for 1 TiB");
	t.equal(reserveSlots(8, 1000, NOTHING_HELD), 3, "of few slots few");
	const held = { ...NOTHING_HELD, hasNext: true };
	t.equal(reserveSlots(8, 1000, held), 2, "and less of what is held already");
	t.equal(reserveSlots(8, 1000, { ...held, nodeSlots: 2 }), 1, "but for the last one");
	t.ok(mayWrite({ free: 7, reserve: 6 }));
	t.notOk(mayWrite({ free: 6, reserve: 6 }));
});

const HOUR_US = 3600e6;

t.test("a window begins at the newest checkpoint that is older than the history", async (t) => {
	const marks = [0, 1, 2, 3, 4].map((hour) => ({ position: 100 * hour, timeUs: hour * HOUR_US }));
	const windows = new Windows(marks.slice(0, 4));
	windows.add(marks[4]!);
	const now = 4.5 * HOUR_US;
	const hour = { historyUs: HOUR_US, minUs: 0 };
	const day = { historyUs: 24 * HOUR_US, minUs: 2 * HOUR_US };
	t.equal(windows.edge(hour, now), 300);
	t.equal(windows.edge({ historyUs: 0, minUs: 0 }, now), 400);
	t.equal(windows.edge(day, now), 0, "of the oldest there is");
	t.ok(windows.giveUp([hour, day], now));
	t.equal(windows.edge(day, now), 100, "the oldest end goes first");
	t.equal(windows.edge(hour, now), 300, "and nothing of others");
	t.ok(windows.giveUp([hour, day], now));
	t.ok(windows.giveUp([hour, day], now), "then theirs, too");
	t.equal(windows.edge(day, now), 200, "what must be kept is kept");
	t.equal(windows.edge(hour, now), 400);
	t.notOk(windows.giveUp([hour, day], now));
	t.strictSame(windows.needed([hour, day], now), marks.slice(2));
	t.notOk(new Windows([]).giveUp([hour], now));
	t.equal(new Windows([]).edge(hour, now), 0);
});

t.test("of checkpoints that are near each other some are as good as all", async (t) => {
	const hour = { historyUs: HOUR_US, minUs: 0 };
	const second = { historyUs: 1e6, minUs: 0 };
	const mark = (seconds: number) => ({ position: 1000 * seconds, timeUs: seconds * 1e6 });
	const windows = new Windows([mark(0)]);
	for (let seconds = 1; seconds <= 180; seconds++) windows.addInstead(mark(seconds), [hour], seconds * 1e6);
	const left = windows.needed([hour], 180e6).map(({ timeUs }) => timeUs / 1e6);
	t.strictSame(left, [0, 60, 120, 180]);
	t.equal(windows.addInstead({ position: 1e6, timeUs: 181e6 }, [hour], 181e6), undefined, "far in the log");
	t.equal(windows.addInstead(mark(1200), [hour], 1200e6), undefined, "far in time");
	t.equal(windows.addInstead(mark(1210), [hour], 1210e6), undefined);
	t.equal(windows.addInstead(mark(1220), [hour, second], 1220e6), undefined, "a window would go back");
	t.strictSame(windows.addInstead(mark(1230), [hour], 1230e6), mark(1220));
});

t.test("a schedule makes one snapshot in each period, and forgets it when its time is over", async (t) => {
	const schedule = { hourly: 3 * 3600, daily: 3 * 86_400 };
	const names = ["mine", "auto-none"];
	for (let minute = 0; minute < 6 * 24 * 60; minute += 20) {
		const { make, forget } = atOnce(due(schedule, names, minute * 60e6));
		for (const name of forget) names.splice(names.indexOf(name), 1);
		if (make !== undefined) names.push(make);
	}
	const hours = (from: number, to: number): string[] =>
		Array.from({ length: to - from }, (_, i) => scheduledName((from + i) * HOUR_US));
	const days = [3, 4, 5].map((day) => scheduledName(day * 24 * HOUR_US));
	t.strictSame(names, ["mine", "auto-none", ...days, ...hours(6 * 24 - 3, 6 * 24)]);
	t.equal(scheduledName(Date.UTC(2026, 10, 25, 10) * 1000), "auto-2026-11-25T100000Z");
	t.strictSame(atOnce(due({}, ["auto-2026-11-25T100000Z"], Date.UTC(2027, 1, 1) * 1000)).forget, [
		"auto-2026-11-25T100000Z",
	]);
	t.equal(
		atOnce(due({ hourly: 60 }, ["auto-2026-11-25T103000Z"], Date.UTC(2026, 10, 25, 10, 45) * 1000)).make,
		undefined,
	);
});
