// Members of a mirror that are not here, have gone on alone, were replaced, or have damaged superblocks.

import t from "tap";
import { MemoryDevice } from "../../lib/block/memory.js";
import { BlockOp } from "../../lib/block/request.js";
import { StorageStatus } from "../../lib/errors.js";
import { Random } from "../../lib/random.js";
import { MIB, Stage, standings } from "./stage.js";

const { unreachable } = StorageStatus;

t.test("one that was in sync and is not here may be newer", async (t) => {
	const stage = new Stage([3 * MIB, 3 * MIB]);
	const first = await stage.open();
	await stage.until(first, "inSync inSync");
	await stage.close(first);
	t.match(
		await stage.refusal({}, [1]),
		/^m1 was in sync and is not here \(no device\): it may be newer; `degraded`/,
	);
	const alone = await stage.open({ degraded: true }, [1]);
	t.equal(standings(alone), "inSync absent");
	await stage.write(alone, 0, 512, 1);
	await stage.close(alone);
	const back = await stage.open();
	t.equal(await stage.byteAt(back, 0), 1);
	await stage.until(back, "inSync inSync");
	await stage.close(back);
	// Both go on without the other.
	for (const without of [1, 0]) {
		const mirror = await stage.open({ degraded: true }, [without]);
		await stage.write(mirror, 0, 512, 10 + without);
		await stage.close(mirror);
	}
	t.equal(
		await stage.refusal(),
		"m0 and m1 have both gone on without the other, or one is an older copy: say which one counts with `from`",
	);
	const chosen = await stage.open({ from: "m1" });
	t.equal(await stage.byteAt(chosen, 0), 10);
	await stage.until(chosen, "inSync inSync");
	t.equal(await stage.byteAt(stage.disks[0]!, 0), 10);
	await stage.close(chosen);
});

t.test(
	"one that was taken out of the configuration is not missed, and gets what it lacks when it is back",
	async (t) => {
		const stage = new Stage([3 * MIB, 3 * MIB, 3 * MIB]);
		const first = await stage.open();
		await stage.until(first, "inSync inSync inSync");
		await stage.close(first);
		const two = await stage.open({ degraded: true }, [], [1]);
		t.equal(standings(two), "inSync inSync");
		t.equal(two.state.state, "inSync", "nobody misses it");
		t.strictSame(
			two.state.members.map(({ name, index }) => [name, index]),
			[
				["m0", 0],
				["m2", 2],
			],
		);
		await stage.write(two, MIB, 512, 7);
		await stage.close(two);
		const again = await stage.open({}, [], [1]);
		t.equal(again.state.state, "inSync", "nor asks for `degraded` again");
		await stage.close(again);
		t.match(
			await stage.refusal({}, [2], [1]),
			/^m2 was in sync and is not here/,
			"one that is named is missed",
		);
		const three = await stage.open();
		await stage.until(three, "inSync inSync inSync");
		t.equal(await stage.byteAt(stage.disks[1]!, MIB), 7);
		t.equal(three.state.state, "inSync");
		await stage.close(three);
		stage.swap(1, 3 * MIB);
		const replaced = await stage.open({ degraded: true });
		await stage.until(replaced, "inSync inSync inSync");
		t.equal(await stage.byteAt(stage.disks[1]!, MIB), 7, "another one takes its place");
		await stage.close(replaced);
	},
);

t.test(
	"who takes the place of a member: itself, an empty one, one of another mirror, a smaller one",
	async (t) => {
		const stage = new Stage([3 * MIB, 3 * MIB]);
		const mirror = await stage.open();
		await stage.until(mirror, "inSync inSync");
		await stage.write(mirror, MIB, 4096, 8);
		const other = new Stage([3 * MIB, 3 * MIB], 2);
		const otherMirror = await other.open();
		await other.until(otherMirror, "inSync inSync");
		await other.close(otherMirror);
		t.throws(() => mirror.attach(1, stage.disks[1]!), /^m1 is in sync/);

		const lose = async (): Promise<void> => {
			stage.faults[1]!.add({ op: BlockOp.write, status: unreachable, errno: 0 });
			await stage.write(mirror, 0, 512, 4);
			await stage.pass(10);
		};
		await lose();
		mirror.attach(1, other.disks[1]!);
		await stage.until(mirror, "inSync refused");
		t.equal(mirror.state.members[1]!.reason, "is a member of another mirror");
		mirror.attach(1, new MemoryDevice(2 * MIB));
		await stage.pass(40_000);
		t.equal(mirror.state.members[1]!.reason, "has 2097152 bytes, and must have 3145728");
		const full = new MemoryDevice(4 * MIB);
		await stage.write(full, 0, 512, 1);
		mirror.attach(1, full);
		await stage.pass(40_000);
		t.equal(mirror.state.members[1]!.reason, "is not empty and has no superblock");
		mirror.attach(1, full, true);
		await stage.until(mirror, "inSync inSync");
		t.equal(await stage.byteAt(full, MIB), 8);
		t.equal(await stage.byteAt(full, 0), 4);
		await stage.close(mirror);
		stage.faults[1]!.heal();
		t.match(
			await stage.refusal(),
			/^m1 was in sync and is not here \(another one is in its place\)/,
			"who was replaced",
		);
		const alone = await stage.open({ degraded: true });
		t.match(alone.state.members[1], { state: "refused", reason: "is not the member that belongs here" });
		await stage.close(alone);
	},
);

t.test("whatever is in the reserved part, there is an answer, and the data is right", async (t) => {
	const random = new Random();
	let opened = 0;
	let refused = 0;
	// (One in twelve is refused.)
	for (let round = 0; round < 40 || ((opened === 0 || refused === 0) && round < 400); round++) {
		const stage = new Stage([3 * MIB, 3 * MIB], 1 + random.below(1e6));
		const mirror = await stage.open();
		await stage.until(mirror, "inSync inSync");
		await stage.write(mirror, 0, 512, 5);
		await stage.close(mirror);
		for (let i = 0; i < 1 + random.below(4); i++) {
			const sector = random.below(random.chance(0.7) ? 20 : 400);
			await stage.write(
				stage.disks[random.below(2)]!,
				stage.reservedAt(0) + sector * 512,
				512,
				random.below(256),
			);
		}
		const answer = await stage.refusal();
		if (answer !== "opened") {
			t.match(answer, /^m\d /, `seed ${random.seed}`);
			refused++;
			continue;
		}
		opened++;
		const again = await stage.open();
		await stage.until(again, "inSync inSync");
		for (let i = 0; i < 2; i++) t.equal((await stage.read(again, 0, 512, i + 1)).memory.bytes[0], 5);
		await stage.close(again);
	}
	t.ok(opened > 0 && refused > 0, `${opened} were opened, ${refused} refused`);
});
