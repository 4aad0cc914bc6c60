// Since when a member of a mirror has lacked something: noted when it falls out, kept over restarts, gone when it is in sync.

import t from "tap";
import { BlockOp } from "../../lib/block/request.js";
import { decodeSuperblock, encodeSuperblock, SUPERBLOCK_BYTES } from "../../lib/compound/mirror/format.js";
import type { Mirror } from "../../lib/compound/mirror/mirror.js";
import { StorageStatus } from "../../lib/errors.js";
import { EPOCH_MS, MIB, Stage } from "./stage.js";

const since = (mirror: Mirror): (number | null)[] =>
	mirror.state.members.map(({ lacksSinceMs }) => lacksSinceMs);

t.test("it is the moment when it fell out, whatever is closed and opened", async (t) => {
	const stage = new Stage([3 * MIB, 3 * MIB]);
	const first = await stage.open();
	const nowMs = (): number => EPOCH_MS + Math.floor(stage.clock.now());
	t.equal(since(first)[0], null);
	t.ok(since(first)[1]! >= EPOCH_MS && since(first)[1]! <= nowMs(), "a new one has nothing yet");
	await stage.until(first, "inSync inSync");
	t.strictSame(since(first), [null, null]);
	await stage.pass(5000);
	stage.faults[1]!.add({ op: BlockOp.write, status: StorageStatus.unreachable, errno: 0 });
	await stage.write(first, 0, 4096, 1);
	const fellOut = since(first)[1]!;
	t.ok(fellOut >= EPOCH_MS + 5000);
	await stage.pass(10_000);
	t.strictSame(since(first), [null, fellOut]);
	await stage.close(first);
	await stage.pass(60_000);
	const second = await stage.open({}, [1]);
	t.strictSame(since(second), [null, fellOut], "its mirror was closed meanwhile");
	await stage.close(second);
	stage.faults[1]!.heal();
	const third = await stage.open();
	t.strictSame(since(third), [null, fellOut]);
	await stage.until(third, "inSync inSync");
	t.strictSame(since(third), [null, null]);
	await stage.close(third);
});

t.test("one that was in sync and is not here lacks something from now on", async (t) => {
	const stage = new Stage([3 * MIB, 3 * MIB]);
	const first = await stage.open();
	await stage.until(first, "inSync inSync");
	await stage.close(first);
	await stage.pass(60_000);
	const nowMs = EPOCH_MS + Math.floor(stage.clock.now());
	const second = await stage.open({ degraded: true }, [1]);
	t.ok(since(second)[1]! >= nowMs);
	await stage.close(second);
});

t.test("a moment that can't be is none", async (t) => {
	const entry = { uuid: "1".repeat(32), inSync: false, confirmed: "2".repeat(16), attempted: "3".repeat(16) };
	const superblock = {
		...{ sequence: 1, mirror: "4".repeat(32), index: 0, dataBytes: MIB, regionBytes: 65_536, generation: 1 },
		...{ id: "5".repeat(16), entries: [{ ...entry, lacksSinceMs: 2 ** 53 - 1 }] },
	};
	const bytes = new Uint8Array(SUPERBLOCK_BYTES);
	encodeSuperblock(superblock, bytes);
	t.match(decodeSuperblock(bytes), { superblock: { entries: [{ lacksSinceMs: 0 }] } });
	const known = { ...superblock, entries: [{ ...entry, lacksSinceMs: EPOCH_MS }] };
	encodeSuperblock(known, bytes);
	t.match(decodeSuperblock(bytes), { superblock: known });
});
