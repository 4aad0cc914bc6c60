// The limit of a disk, given with its spec and changed while it is served.
import t from "tap";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { diskSpec, exportSpec, Load, layCable, Stage } from "./stage.js";

t.setTimeout(230_000);
if (await inNamespace(import.meta.url)) {
	await layCable();

	t.test("a limit holds from the first request on, and is changed while it is served", async (t) => {
		const stage = new Stage(t);
		await stage.add("other", 0);
		const spec = { ...diskSpec("limited"), limit: { iops: 1000, writeBandwidth: 4096 } };
		await stage.daemon.add({ disks: [spec], exports: [exportSpec("limited", 1)], links: [] });
		const other = new Load(await stage.initiator.open(9, 0));
		const disk = await stage.initiator.open(9, 1);
		let done = 0;
		const writes = Array.from({ length: 8 }, (_, i) =>
			disk.write(i * 8, new Uint8Array(4096).fill(i)).then(() => {
				done++;
			}),
		);
		await until("one is done", () => done > 0, LIMIT_MS);
		await other.goesOn();
		t.ok(done < 8, "the others wait: eight seconds in all");
		stage.daemon.changeDisk(diskSpec("limited"));
		await Promise.all(writes);
		for (let i = 0; i < 8; i++) t.equal((await disk.read(i * 8, 1))[0], i);
		t.match(stage.daemon.report().join("\n"), /limited: limit: \d+ requests waited, for \d+ ms in all/);
		await other.stop();
		t.same(stage.log, []);
	});

	t.test("nothing else of a disk is changed", async (t) => {
		const stage = new Stage(t);
		await stage.add("disk", 0);
		const limit = { iops: 10 };
		stage.daemon.changeDisk({ ...diskSpec("disk"), limit });
		for (const more of [{ readOnly: true }, { durability: "ack" as const }, { offsetSectors: 8 }])
			t.throws(() => stage.daemon.changeDisk({ ...diskSpec("disk"), limit, ...more }), {
				name: "OperatorError",
				message: 'disk "disk": only its limit, and the pace of a mirror, can be changed while it is served',
			});
		t.throws(() => stage.daemon.changeDisk(diskSpec("none")), {
			message: 'disk "none": there is none of this name',
		});
	});

	t.test("a disk is removed with requests that wait for its limit: they are answered at once", async (t) => {
		const stage = new Stage(t);
		await stage.add("limited", 0);
		const disk = await stage.initiator.open(9, 0);
		stage.daemon.changeDisk({ ...diskSpec("limited"), limit: { iops: 1 } });
		const reads = Array.from({ length: 10 }, (_, i) => disk.read(i, 1));
		const first = Promise.any(reads);
		await first;
		t.equal(await stage.daemon.removeDisk("limited"), "closed");
		await Promise.all(reads);
		t.same(stage.log, []);
	});
}
