// Disks and exports come, change and go while others are served: no request of theirs is lost, and what is gone has left nothing.
import { writeFileSync } from "node:fs";
import path from "node:path";
import t from "tap";
import type { BlockDevice } from "../../lib/block/device.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import type { BlockRequest } from "../../lib/block/request.js";
import { openDevice } from "../../lib/daemon/openers.js";
import { DelayLayer } from "../../lib/testing/delay-layer.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { scratchDirectory, until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { diskSpec, exportSpec, holdings, Load, layCable, Stage } from "./stage.js";

const MANY = 300;
/** An initiator waits for as long before it asks for the first time once more. */
const SOON_MS = 300;

/** A device whose requests take until `clock` goes on. */
function hangingDevice(clock: VirtualClock): BlockDevice {
	return new DelayLayer(new MemoryDevice(2 ** 20), { clock, minMs: 1, maxMs: 2, seed: 1 });
}

function additions(): void {
	t.test("a disk comes, is changed and goes while another is under load", async (t) => {
		const stage = new Stage(t);
		await stage.add("kept", 0);
		const load = new Load(await stage.initiator.open(9, 0));
		await load.goesOn();
		for (let round = 0; round < 5; round++) {
			await stage.add("guest", 1);
			const disk = await stage.initiator.open(9, 1);
			await disk.write(7, new Uint8Array(512).fill(round + 1));
			t.equal((await disk.read(7, 1))[0], round + 1);
			stage.daemon.change(exportSpec("guest", 1, { bufferCount: 32 }));
			t.equal((await stage.initiator.open(9, 1)).blade.bufferCount, 32);
			t.equal(await stage.daemon.removeDisk("guest"), "closed");
			t.notMatch(stage.daemon.report().join("\n"), /guest/);
			await load.goesOn();
		}
		await load.stop();
		t.same(stage.log, []);
	});

	t.test("a mask that is changed holds from then on", async (t) => {
		const stage = new Stage(t);
		await stage.add("one", 0);
		await stage.add("two", 1);
		stage.daemon.change(exportSpec("one", 0, { macs: [0x0200000000aa] }));
		const answer = async (...wanted: number[]): Promise<void> => {
			let slots: number[] = [];
			const all = async (): Promise<boolean> => {
				slots = (await stage.initiator.discover({ waitMs: SOON_MS })).map(({ slot }) => slot);
				return slots.length >= wanted.length;
			};
			await until("answers", all, LIMIT_MS);
			t.same(slots.sort(), wanted);
		};
		await answer(1);
		stage.daemon.change(exportSpec("one", 0, { macs: [] }));
		await answer(1);
		stage.daemon.change(exportSpec("one", 0));
		await answer(0, 1);
		t.throws(() => stage.daemon.change(exportSpec("one", 5)), {
			name: "OperatorError",
			message: /only the MAC mask/,
		});
		t.throws(() => stage.daemon.change(exportSpec("three", 5)), {
			message: 'export "three": there is none of this name',
		});
	});
}

function refusals(): void {
	t.test("all or nothing: what can't be added leaves nothing behind", async (t) => {
		const stage = new Stage(t);
		await stage.add("kept", 0);
		const load = new Load(await stage.initiator.open(9, 0));
		const file = path.join(scratchDirectory(), "image");
		writeFileSync(file, Buffer.alloc(2 ** 20));
		const before = holdings();
		const good = diskSpec("good", { kind: "file", name: file, path: file });
		const none = diskSpec("bad", { kind: "file", name: "/nowhere", path: "/nowhere" });
		const attempts = [
			{ disks: [good, none], exports: [exportSpec("good", 1), exportSpec("bad", 2)] },
			{ disks: [good], exports: [exportSpec("good", 0)] },
			{
				disks: [good],
				exports: [exportSpec("good", 1), exportSpec("good", 2, { name: "other", disk: "missing" })],
			},
			{ disks: [good, diskSpec("kept")], exports: [exportSpec("good", 1)] },
		];
		const reasons = [
			/no such file/,
			/shelf 9 slot 0 is given twice/,
			/"missing": there is none/,
			/"kept": there is one/,
		];
		for (const [i, attempt] of attempts.entries()) {
			await t.rejects(stage.daemon.add({ ...attempt, links: [] }), {
				name: "OperatorError",
				message: reasons[i],
			});
			await until("everything is given back", () => holdings().descriptors <= before.descriptors, LIMIT_MS);
			t.equal(holdings().names, before.names, "addresses");
		}
		await stage.daemon.add({ disks: [good], exports: [exportSpec("good", 1)], links: [] });
		t.equal((await stage.initiator.open(9, 1)).sectorCount, 2048, "its lock was given back too");
		await load.goesOn();
		await load.stop();
	});
}

function many(): void {
	t.test(`${MANY} come and go, twice`, async (t) => {
		const stage = new Stage(t);
		await stage.add("kept", 0);
		const load = new Load(await stage.initiator.open(9, 0));
		const disks = Array.from({ length: MANY }, (_, i) => diskSpec(`disk ${i}`));
		const exports = disks.map(({ name }, i) =>
			exportSpec(name, i % 250, { shelf: 10 + Math.floor(i / 250) }),
		);
		const before = holdings();
		for (let time = 0; time < 2; time++) {
			await stage.daemon.add({ disks, exports, links: [] });
			t.equal(stage.daemon.exported.length, MANY + 1);
			t.equal(holdings().names, before.names + MANY);
			t.equal((await stage.initiator.open(10, 7)).sectorCount, 2048);
			const ends = await Promise.all(disks.map(({ name }) => stage.daemon.removeDisk(name)));
			t.ok(ends.every((end) => end === "closed"));
			await until("nothing is left", () => holdings().descriptors <= before.descriptors, LIMIT_MS);
			t.equal(holdings().names, before.names);
			await load.goesOn();
		}
		await load.stop();
	});
}

function hanging(): void {
	t.test("a disk that hangs is abandoned: its requests are never answered, others go on", async (t) => {
		const clock = new VirtualClock();
		const hung = hangingDevice(clock);
		const stage = new Stage(t, (spec, context) =>
			spec.name === "hung" ? Promise.resolve(hung) : openDevice(spec, context),
		);
		await stage.add("kept", 0);
		await stage.add("hung", 1);
		const load = new Load(await stage.initiator.open(9, 0));
		const disk = await stage.initiator.open(9, 1);
		let held: BlockRequest | undefined;
		const submit = hung.submit.bind(hung);
		hung.submit = (request) => {
			held = request;
			submit(request);
		};
		let answered = false;
		disk.read(0, 8).then(
			() => {
				answered = true;
			},
			() => {},
		);
		await until("it hangs", () => held !== undefined, LIMIT_MS);
		t.equal(await stage.daemon.removeDisk("hung", 50), "abandoned");
		t.match(stage.log, [/disk "hung": its storage did not finish within 0\.05 s, and is left alone/]);
		clock.pass(10);
		t.notOk(held?.inFlight, "it goes on after all");
		await load.goesOn();
		t.notOk(answered, "too late");
		await stage.add("new", 1);
		t.equal((await stage.initiator.open(9, 1)).sectorCount, 2048, "its address is free");
		await load.stop();
		t.equal(await stage.daemon.close(1000), "closed", "it is no longer one of ours");
	});

	t.test("one that takes for ever to be opened keeps nobody else waiting, and can be given up", async (t) => {
		const stage = new Stage(t, (spec, context) =>
			spec.name === "hung" ? new Promise(() => {}) : openDevice(spec, context),
		);
		await stage.add("kept", 0);
		const load = new Load(await stage.initiator.open(9, 0));
		const adding = stage.add("hung", 1);
		const refused = t.rejects(adding, { message: 'disk "hung": removed while it was being added' });
		await stage.add("another", 2);
		await load.goesOn();
		t.equal((await stage.initiator.open(9, 2)).sectorCount, 2048);
		t.equal(await stage.daemon.removeDisk("hung", 50), "opening");
		await refused;
		t.match(stage.log, [/^disk "hung": it is still being opened after 0\.05 s, and is left alone/]);
		await stage.add("new", 1);
		t.equal((await stage.initiator.open(9, 1)).sectorCount, 2048, "its address is free");
		await load.stop();
	});
}

t.setTimeout(230_000);
if (await inNamespace(import.meta.url)) {
	await layCable();
	additions();
	refusals();
	many();
	hanging();
}
