// When a link may be watched without sleeping: while it is the only one that anybody uses, and storage owes nothing.
import t from "tap";
import { MemoryDevice } from "../lib/block/memory.js";
import { nativeMemory } from "../lib/native.js";
import { NbdServer } from "../lib/nbd/server.js";
import { Pump, type PumpStage } from "../lib/pump.js";
import { ServerUnderTest } from "./iscsi/server-under-test.js";

const stage = (expects?: boolean): PumpStage => {
	const what = { hasWork: false, drain: () => undefined };
	return expects === undefined ? what : { ...what, expects };
};

t.test("links and storage", async (t) => {
	const pump = new Pump();
	t.equal(pump.waitsForOneLink, false, "of none there is nothing to wait for");
	pump.addLink(stage());
	t.equal(pump.waitsForOneLink, true);
	pump.addLink(stage(false));
	pump.addLink(stage(false));
	t.equal(pump.waitsForOneLink, true, "links without peers are not waited for");
	const other = stage(true);
	pump.addLink(other);
	t.equal(pump.waitsForOneLink, false, "two that are used: none is watched while the other one waits");
	pump.remove(other);
	t.equal(pump.waitsForOneLink, true);
	pump.addStorage(stage(true));
	t.equal(pump.waitsForOneLink, false, "storage owes something");
});

t.test(
	"a daemon has a server of each protocol: one that nobody uses keeps the other from nothing",
	async (t) => {
		const under = new ServerUnderTest(new MemoryDevice(2 ** 20));
		const nbd = new NbdServer({ pump: under.pump, allocate: nativeMemory });
		t.teardown(() => {
			nbd.close();
			under.close();
		});
		t.strictSame([under.server.expects, under.server.waitsForOne], [false, false]);
		await under.session();
		t.strictSame([under.server.expects, under.server.waitsForOne], [true, true]);
		t.equal(nbd.expects, false);
		await under.session();
		t.equal(under.server.waitsForOne, false, "of two connections none is watched");
	},
);
