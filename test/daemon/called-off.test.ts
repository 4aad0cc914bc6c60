// What is removed, or stopped, while it is still being added: adding fails with one reason, and nothing of it is left.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import t from "tap";
import type { BlockDevice } from "../../lib/block/device.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { openDevice } from "../../lib/daemon/openers.js";
import { scratchDirectory, until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { diskSpec, exportSpec, holdings, layCable, Stage } from "./stage.js";

const REMOVED = { name: "OperatorError", message: /removed while it was being added/ };
/** More than there are steps of the microtask queue between opening and having opened. */
const STEPS = 30;

function removals(): void {
	t.test("removed while its address is asked about: it goes, and only it", async (t) => {
		const stage = new Stage(t);
		await stage.add("kept", 0);
		const before = holdings();
		const refused = t.rejects(stage.add("x", 1), REMOVED);
		await until("its address is taken", () => holdings().names > before.names, LIMIT_MS);
		t.equal(await stage.daemon.removeDisk("x"), "closed");
		await refused;
		t.same(
			stage.daemon.exported.map(({ name }) => name),
			["kept"],
		);
		t.equal(holdings().names, before.names);
		await stage.add("x", 1);
		t.equal((await stage.initiator.open(9, 1)).sectorCount, 2048);
		t.same(stage.log, []);
	});

	t.test("a failed add takes nothing away from the next one of the same name", async (t) => {
		const stage = new Stage(t);
		await stage.add("kept", 0);
		const before = holdings();
		const first = stage.add("x", 1);
		first.catch(() => {});
		await until("its address is taken", () => holdings().names > before.names, LIMIT_MS);
		const removing = stage.daemon.removeDisk("x");
		await t.rejects(stage.add("y", 1), { message: "shelf 9 slot 1 is still being removed" });
		await t.rejects(stage.daemon.add({ disks: [diskSpec("x")], exports: [], links: [] }), {
			message: 'disk "x": it is still being removed',
		});
		await removing;
		const second = stage.add("x", 2);
		await t.rejects(first, REMOVED);
		await second;
		t.equal((await stage.initiator.open(9, 2)).sectorCount, 2048);
	});
}

function moments(): void {
	t.test("removed in any moment of opening: no disk is left", async (t) => {
		const device = () => new MemoryDevice(2 ** 20);
		const opened: BlockDevice[] = [];
		const closed: BlockDevice[] = [];
		const stage = new Stage(t, async () => {
			const each = device();
			const close = each.close.bind(each);
			each.close = () => {
				closed.push(each);
				return close();
			};
			opened.push(each);
			return each;
		});
		for (let step = 0; step < STEPS; step++) {
			const adding = stage.daemon.add({ disks: [diskSpec("x")], exports: [], links: [] });
			const ended = adding.catch(({ name }: Error) => t.equal(name, "OperatorError"));
			for (let passed = 0; passed < step; passed++) await null;
			t.equal(await stage.daemon.removeDisk("x"), "closed");
			await ended;
			t.same([...new Set(closed)], opened);
		}
		t.same(stage.log, []);
	});
}

function openings(): void {
	t.test("an opening that is called off is waited for, and was no disk that hangs", async (t) => {
		let goOn = () => {};
		const stage = new Stage(t, async (spec, context) => {
			await new Promise<void>((resolve) => {
				goOn = resolve;
			});
			return openDevice(spec, context);
		});
		const file = path.join(scratchDirectory(), "image");
		writeFileSync(file, Buffer.alloc(2 ** 20));
		const before = holdings();
		const disk = diskSpec("x", { kind: "file", name: file, path: file });
		const add = () => stage.daemon.add({ disks: [disk], exports: [], links: [] });
		const refused = t.rejects(add(), REMOVED);
		const removing = stage.daemon.removeDisk("x");
		await refused;
		goOn();
		t.equal(await removing, "closed");
		t.ok(holdings().descriptors <= before.descriptors);
		const stopped = t.rejects(add(), { name: "OperatorError", message: /vblade is stopping/ });
		const closing = stage.daemon.close(LIMIT_MS);
		await stopped;
		goOn();
		t.equal(await closing, "closed");
		t.same(stage.log, []);
	});

	t.test("an opening that has not begun need not, once it is called off", async (t) => {
		const stage = new Stage(
			t,
			(_spec, { signal }) =>
				new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
		);
		const refused = t.rejects(stage.daemon.add({ disks: [diskSpec("x")], exports: [], links: [] }), REMOVED);
		t.equal(await stage.daemon.removeDisk("x", LIMIT_MS), "closed");
		await refused;
	});
}

function endings(): void {
	t.test("stopping waits until what is being added has been given back", async (t) => {
		const stage = new Stage(t);
		const before = holdings();
		let ended = false;
		const refused = t
			.rejects(stage.add("x", 1), { name: "OperatorError", message: /vblade is stopping/ })
			.then(() => {
				ended = true;
			});
		await until("its address is taken", () => holdings().names > before.names, LIMIT_MS);
		t.equal(await stage.daemon.close(LIMIT_MS), "closed");
		t.equal(holdings().names, before.names);
		await refused;
		t.ok(ended);
	});

	t.test("no descriptor is left: one line, and who is served does not notice", async (t) => {
		const stage = new Stage(t);
		await stage.add("kept", 0);
		const before = holdings();
		const disks = Array.from({ length: 300 }, (_, i) => diskSpec(`disk ${i}`));
		const exports = disks.map(({ name }, i) => exportSpec(name, i % 250, { shelf: 10 + (i >= 250 ? 1 : 0) }));
		const limit = (most: number) =>
			execFileSync("prlimit", ["--pid", String(process.pid), `--nofile=${most}:4096`]);
		limit(before.descriptors + 20);
		await t.rejects(stage.daemon.add({ disks, exports, links: [] }), { name: "OperatorError" });
		await until("all is given back", () => holdings().descriptors <= before.descriptors, LIMIT_MS);
		limit(4096);
		t.equal((await stage.initiator.open(9, 0)).sectorCount, 2048);
	});
}

t.setTimeout(230_000);
if (await inNamespace(import.meta.url)) {
	await layCable();
	removals();
	moments();
	openings();
	endings();
}
