import t from "tap";
import { AwaitedPools } from "../../lib/daemon/awaited-pools.js";
import { inStore } from "../../lib/spec/pool-path.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";

const GOLD = { name: "gold", fingerprint: "1a" };

t.test("a pool that is closed to be opened again is awaited, however it is served then", async (t) => {
	const clock = new VirtualClock();
	const pools = new AwaitedPools(clock);
	t.equal(pools.isExpected(inStore(GOLD)), false);
	pools.expect(inStore({ ...GOLD, isShared: true }));
	t.equal(pools.isExpected(inStore({ ...GOLD, fingerprint: "2b" })), true);
	t.equal(pools.isExpected(inStore({ ...GOLD, name: "silver" })), false);
	pools.opened(inStore(GOLD));
	t.equal(pools.isExpected(inStore(GOLD)), false, "then it is closed for good");
});

t.test("not for ever", async (t) => {
	const clock = new VirtualClock();
	const pools = new AwaitedPools(clock);
	pools.expect(inStore(GOLD));
	clock.pass(9_999);
	t.equal(pools.isExpected(inStore(GOLD)), true);
	clock.pass(1);
	t.equal(pools.isExpected(inStore(GOLD)), false);
});

t.test("one that is in no store is nobody else's", async (t) => {
	const pools = new AwaitedPools(new VirtualClock());
	pools.expect("/srv/gold");
	t.equal(pools.isExpected("/srv/gold"), false);
});
