// What a worker has counted is told once, when it has changed, to whoever asks for what came after what he knows.
import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import { MemoryDevice } from "../../lib/block/memory.js";
import { FigureCollector } from "../../lib/daemon/figures.js";
import { type FigureNames, type Figures, readFigures } from "../../lib/daemon/figures-frame.js";
import type { DiskReport } from "../../lib/daemon/state.js";
import { Disk, makeIdentity } from "../../lib/disk.js";
import { countOf } from "../../lib/histogram.js";
import { inNamespace } from "../support/in-namespace.js";
import { exportSpec, layCable, Stage } from "./stage.js";

const MANY = 4096;
const READ = 0;

type Told = Figures & { readonly names: FigureNames };
interface Asked {
	collect(since: number): Promise<{ readonly names: FigureNames; readonly frame: Float64Array }>;
}

async function ask(collector: Asked, since: number): Promise<Told> {
	const { names, frame } = await collector.collect(since);
	return { ...readFigures(frame), names };
}

function makeDisk(name: string): Disk {
	return new Disk(name, makeIdentity(name, "1"), new MemoryDevice(512));
}

let activity = 0;

/** Disks by name, which nobody serves. */
function collectorOf(disks: Map<string, Disk>): FigureCollector {
	const nothing = (): [] => [];
	return new FigureCollector({
		disks: () => disks,
		outlets: nothing,
		blades: nothing,
		worker: () => [1, 2, 3, 4, 5],
		activity: () => activity++,
	});
}

const numbers = (rows: readonly { readonly number: number }[]): number[] => rows.map(({ number }) => number);

function generations(): void {
	t.test("only what has changed, for each who asks", async (t) => {
		const disks = new Map(["a", "b"].map((name) => [name, makeDisk(name)] as const));
		const collector = collectorOf(disks);
		const first = await ask(collector, 0);
		t.ok(first.names.isWhole);
		t.same(
			first.names.disks.map(({ name }) => name),
			["a", "b"],
		);
		const [a, b] = numbers(first.names.disks);
		t.same(numbers(first.disks), [a, b]);
		t.match(first.disks[0], { reads: 0, lastSeenMs: 0, sizeBytes: 512, phase: 0, "cause medium": 0 });
		t.match(first.worker, [{ cpuSeconds: 1, longestTurnSteps: 5 }]);

		disks.get("b")!.stats.did(READ, 512);
		disks.get("b")!.stats.causes.range += 1;
		disks.get("b")!.latencies.record(READ, 1500);
		const second = await ask(collector, first.generation);
		t.same(numbers(second.disks), [b]);
		t.match(second.disks[0], { reads: 1, readBytes: 512, "cause range": 1 });
		t.ok(second.disks[0]!.lastSeenMs > 0);
		t.same(second.names, { isWhole: false, disks: [], links: [], initiators: [], gone: none });
		t.match(second.latencies, [{ of: "disks", number: b, kind: READ, sumSeconds: 0.0015 }]);
		t.equal(countOf(second.latencies[0]!.counts), 1);

		disks.get("a")!.underWay = 3;
		const third = await ask(collector, second.generation);
		t.same(numbers(third.disks), [a], "what may go back again, too");
		t.equal(third.disks[0]!.lastSeenMs, 0, "though it says nothing of when somebody asked");
		t.same(numbers((await ask(collector, first.generation)).disks), [a, b], "another one knows less");
		t.same((await ask(collector, third.generation)).disks, [], "and who knows all, nothing");
		t.same(numbers((await ask(collector, 1e9)).disks), [a, b], "but all if it comes from elsewhere");
	});

	t.test("what is gone is told, or that all there is is told", async (t) => {
		const disks = new Map(["a", "b"].map((name) => [name, makeDisk(name)] as const));
		const collector = collectorOf(disks);
		const first = await ask(collector, 0);
		const [, b] = numbers(first.names.disks);
		disks.delete("b");
		disks.set("c", makeDisk("c"));
		const second = await ask(collector, first.generation);
		t.same(second.names.gone.disks, [b]);
		t.match(second.names.disks, [{ name: "c" }]);
		t.notOk(second.names.isWhole);
		disks.set("c", makeDisk("c"));
		const third = await ask(collector, first.generation);
		t.equal(third.names.gone.disks.length, 2, "one that has taken the name of another is a new one");
		for (let i = 0; i < MANY + 10; i++) disks.set(`${i}`, makeDisk(`${i}`));
		await ask(collector, third.generation);
		disks.clear();
		t.equal((await ask(collector, third.generation)).names.gone.disks.length, MANY + 12);
		const late = await ask(collector, third.generation);
		t.ok(late.names.isWhole, "so many can't be kept in mind");
		t.same([late.names.disks, late.disks], [[], []]);
	});
}

const none = { disks: [], links: [], initiators: [] };

function turns(): void {
	t.test("thousands of disks are looked at some in a turn", async (t) => {
		const disks = new Map(Array.from({ length: MANY }, (_, i) => [`${i}`, makeDisk(`${i}`)] as const));
		const collector = collectorOf(disks);
		/** Turns of the loop that others have meanwhile. */
		const turnsFor = async (since: number): Promise<[turns: number, generation: number]> => {
			let turns = 0;
			let told: Told | null = null;
			const asking = ask(collector, since).then((answer) => {
				told = answer;
			});
			for (; told === null; turns++) await nextTurn();
			await asking;
			return [turns, (told as Told).generation];
		};
		const [whole, generation] = await turnsFor(0);
		t.ok(whole >= 60, `${whole} turns for all`);
		const [idle] = await turnsFor(generation);
		t.ok(idle < 10, `${idle} turns if nothing has changed`);
	});

	t.test("one answer after the other", async (t) => {
		const disks = new Map([["a", makeDisk("a")] as const]);
		const collector = collectorOf(disks);
		const answers = await Promise.all([0, 0, 0].map((since) => ask(collector, since)));
		t.same(
			answers.map(({ generation }) => generation),
			[1, 2, 3],
		);
	});
}

function quiet(): void {
	t.test("what nothing has happened to is not looked at", async (t) => {
		const disk = makeDisk("a");
		let activity = 0;
		let looks = 0;
		const nothing = (): [] => [];
		const collector = new FigureCollector({
			*disks() {
				looks += 1;
				yield ["a", disk];
			},
			outlets: nothing,
			blades: nothing,
			worker: () => [1, 2, 3, 4, 5],
			activity: () => activity,
		});
		let { generation } = await ask(collector, 0);
		const next = async (): Promise<number> => {
			const told = await ask(collector, generation);
			({ generation } = told);
			return told.disks.length;
		};
		t.strictSame([await next(), await next(), looks], [0, 0, 1]);
		disk.stats.did(READ, 512);
		activity += 1;
		t.strictSame([await next(), looks], [1, 2]);
		t.strictSame([(await ask(collector, 0)).disks.length, looks], [1, 3], "another one is told all");
		t.strictSame([await next(), looks], [0, 4], "and who was told before that, what he lacks");
		for (let times = 0; times < 601; times++) await next();
		t.equal(looks, 5, "now and then it is all the same");
	});
}

function served(): void {
	t.test("of a daemon that serves", async (t) => {
		const stage = new Stage(t);
		await stage.add("one", 0);
		await stage.add("two", 1);
		const asked: Asked = { collect: (since) => stage.daemon.figures(since) };
		const before = await ask(asked, 0);
		const disk = await stage.initiator.open(9, 1);
		for (let i = 0; i < 5; i++) await disk.write(8 * i, new Uint8Array(4096));
		await disk.read(0, 8);
		const after = await ask(asked, before.generation);
		const names = new Map(before.names.disks.map(({ number, name }) => [name, number]));
		t.same(numbers(after.disks), [names.get("two")]);
		t.match(after.disks, [{ reads: 1, readBytes: 4096, writes: 5, writtenBytes: 5 * 4096, underWay: 0 }]);
		t.match(after.links, [{ reads: 1, writes: 5, isUp: 1, mtu: 9000, blades: 2, initiators: 1 }]);
		const [user] = after.names.initiators;
		t.match(user, { disk: names.get("two"), link: before.names.links[0]!.number });
		t.match(after.initiators, [{ number: user!.number, disk: names.get("two"), reads: 1, writes: 5 }]);
		const latencyOf = (of: string, kind: number): number =>
			countOf(after.latencies.find((each) => each.of === of && each.kind === kind)?.counts ?? []);
		for (const of of ["disks", "links", "initiators"])
			t.same([latencyOf(of, 0), latencyOf(of, 1)], [1, 5], of);
		t.ok(after.latencies.every(({ sumSeconds }) => sumSeconds > 0 && sumSeconds < 10));

		for (let i = 0; i < 2; i++) await disk.read(0, 8);
		await stage.daemon.removeDisk("two");
		const last = await ask(asked, after.generation);
		t.match(last.initiators, [{ number: user!.number, reads: 3, writes: 5 }], "what it has done since");
		t.same(last.names.gone, { disks: [names.get("two")], links: [], initiators: [user!.number] });
	});
}

function standing(): void {
	t.test("how things stand", async (t) => {
		const stage = new Stage(t);
		await stage.add("one", 0);
		await stage.add("two", 1);
		const reports = async (names?: ReadonlySet<string>): Promise<DiskReport[]> => {
			const all: DiskReport[] = [];
			for await (const some of stage.daemon.diskReports(names)) all.push(...some);
			return all;
		};
		const [one, ...others] = await reports(new Set(["one", "none"]));
		t.same(others, []);
		t.match(one, {
			name: "one",
			phase: "open",
			isLeaving: false,
			open: { sizeBytes: 2 ** 20, readOnly: false, faults: 0 },
			lastFault: null,
			stalledSince: null,
			exports: [
				{
					address: "9.0",
					places: [{ link: "near", state: "serving", rival: null }],
					macs: null,
					reservedBy: [],
					configString: "",
				},
			],
		});
		t.equal((await reports()).length, 2);
		stage.daemon.change(exportSpec("one", 0, { macs: [] }));
		t.match(await reports(new Set(["one"])), [{ exports: [{ macs: [] }] }], "nobody is not everybody");
		t.match(stage.daemon.workerReport(), {
			putOff: 0,
			openingsWaiting: 0,
			links: [{ name: "near", isUp: true, blades: 2 }],
		});
	});
}

if (await inNamespace(import.meta.url)) {
	await layCable();
	generations();
	turns();
	quiet();
	served();
	standing();
}
