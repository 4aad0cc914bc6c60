// What a pool in an object store has done is said only while its owner may, and only what is promised: writes wait for that, and fail once it is over.
import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import { MemoryDevice } from "../../../lib/block/memory.js";
import { BlockOp } from "../../../lib/block/request.js";
import { OperatorError } from "../../../lib/errors.js";
import { run } from "../../../lib/pool/run.js";
import { Gate, type GateKeeper } from "../../../lib/pool/store/gate.js";
import { GateLayer } from "../../../lib/pool/store/gate-layer.js";
import { HeadKeepers } from "../../../lib/pool/store/head-keepers.js";
import { LeaseWatch } from "../../../lib/pool/store/lease.js";
import { LossWord } from "../../../lib/pool/store/loss-word.js";
import { heapMemory } from "../../../lib/wire/memory.js";
import { type Host, KeeperWorlds } from "./keeper-world.js";

/** One that does what it is told to. */
class Keeper implements GateKeeper {
	mayAcknowledge = true;
	end: OperatorError | null = null;
	covered = 0;
	readonly promised: number[] = [];
	#waiters: (() => void)[] = [];

	covers(bytes: number): boolean {
		return bytes <= this.covered;
	}

	whenMay(waiter: () => void): void {
		this.#waiters.push(waiter);
	}

	async promise(bytes: number): Promise<void> {
		this.promised.push(bytes);
		await nextTurn();
		this.covered = bytes;
	}

	changed(): void {
		for (const waiter of this.#waiters.splice(0)) waiter();
	}
}

const turns = async (): Promise<void> => {
	for (let turn = 0; turn < 5; turn++) await nextTurn();
};

t.test("changes and flushes wait, reads don't", async (t) => {
	const keeper = new Keeper();
	let unshipped = 0;
	const gate = new Gate(
		() => keeper,
		() => ({ bytes: unshipped, sinceUs: 7 }),
	);
	const device = new GateLayer(new MemoryDevice(65_536), gate);
	const memory = heapMemory(4096);
	const done: string[] = [];
	const ask = (op: BlockOp, name: string): Promise<unknown> =>
		run(device, op, 0, op === BlockOp.flush ? 0 : 4096, op === BlockOp.flush ? undefined : memory, name).then(
			() => done.push(name),
			(error: unknown) => done.push(String(error)),
		);
	await ask(BlockOp.write, "write");
	t.strictSame(done.splice(0), ["write"], "nothing is owed");
	unshipped = 4096;
	await ask(BlockOp.write, "owed");
	t.strictSame([done.splice(0), keeper.promised.length], [["owed"], 1], "it is promised first");
	await ask(BlockOp.write, "again");
	t.equal(keeper.promised.length, 1, "that is enough for many");
	t.ok((gate.owed()?.bytes ?? 0) > 4096);
	unshipped = 20 * 2 ** 20;
	await Promise.all([ask(BlockOp.write, "much"), ask(BlockOp.write, "more")]);
	t.strictSame(keeper.promised.slice(1), [gate.owed()?.bytes], "more is promised before it has to be, once");
	t.strictSame(done.splice(0), ["again", "much", "more"]);
	keeper.mayAcknowledge = false;
	const late = Promise.all([
		ask(BlockOp.write, "late"),
		ask(BlockOp.flush, "flush"),
		ask(BlockOp.read, "read"),
	]);
	await turns();
	t.strictSame(done.splice(0), ["read"], "the lease is over");
	keeper.mayAcknowledge = true;
	keeper.changed();
	await late;
	t.strictSame(done.splice(0).sort(), ["flush", "late"]);
	keeper.mayAcknowledge = false;
	const never = ask(BlockOp.write, "never");
	await turns();
	keeper.end = new OperatorError("somebody else has it");
	keeper.changed();
	await never;
	t.match(done.splice(0), [/never: byte 0: closed/], "it is over for good");
	await device.close();
});

function keepersOf(
	{ head, world, owner }: Host,
	watch = new LeaseWatch(),
	loss = new LossWord(),
): HeadKeepers {
	let count = 0;
	const identifier = (byteLength: number): string =>
		`${owner.name.at(-1)}${String(++count)}`.padStart(2 * byteLength, "0");
	const of = { path: "store:gold", head, world, identifier, name: owner.name, watch, loss };
	return new HeadKeepers({ ...of, listener: {}, owed: () => undefined });
}

t.test("one makes it, another one has it when that one is gone, and says by whom it is used", async (t) => {
	const all = new KeeperWorlds();
	const [one, two] = [all.host("1"), all.host("2")];
	const first = keepersOf(one);
	t.equal(await all.time.until(first.isThere()), false);
	const image = await all.time.until(first.create());
	t.match(image, { epoch: 1, image: { next: 1, life: "" } });
	await all.time.until(image.write((now) => ({ ...now, life: "a".repeat(32), next: 5 })));
	await t.rejects(all.time.until(keepersOf(two).create()), /is a pool already/);
	const watch = new LeaseWatch();
	await t.rejects(
		all.time.until(keepersOf(two, watch).acquire("")),
		/store:gold: is owned by host 1, waiting$/,
	);
	one.life.isKilled = true;
	await t.rejects(
		all.time.until(keepersOf(two, watch).acquire("")),
		/store:gold: is owned by host 1, waiting$/,
	);
	await all.pass(2_000);
	const second = keepersOf(two, watch);
	t.match(
		await all.time.until(second.acquire("")),
		{ epoch: 2, image: { next: 5 } },
		"it goes on from there",
	);
	await all.time.until(second.close());
});

t.test("who has the log of the last owner need not wait, and what is promised is with him", async (t) => {
	const all = new KeeperWorlds();
	const one = all.host("1");
	const first = keepersOf(one);
	const image = await all.time.until(first.create());
	const life = "a".repeat(32);
	await all.time.until(image.write((now) => ({ ...now, life })));
	await all.time.until(first.keeper?.promise(5000, 1) ?? Promise.reject(new Error("none")));
	one.life.isKilled = true;
	const beganMs = all.time.now();
	const again = keepersOf(all.host("3"));
	t.match(await all.time.until(again.acquire(life)), { epoch: 2 });
	t.ok(all.time.now() - beganMs < 1000);
	t.match(all.top.promised, { bytes: 5000 }, "until he says what is left of it");
	await all.time.until(again.close());
	const refused = keepersOf(all.host("2")).acquire("b".repeat(32));
	await t.rejects(all.time.until(refused), /5000 bytes .* are only on that host/);
});

t.test("who had it does not take another one for a process of his own that is gone", async (t) => {
	const all = new KeeperWorlds();
	const [one, two] = [all.host("1"), all.host("2")];
	const life = "a".repeat(32);
	const image = await all.time.until(keepersOf(one).create());
	await all.time.until(image.write((now) => ({ ...now, life })));
	one.life.isKilled = true;
	await all.pass(2_000);
	const watch = new LeaseWatch();
	await t.rejects(all.time.until(keepersOf(two, watch).acquire("")), /is owned by host 1/);
	await all.pass(7_000);
	// (It has not said yet what is on it.)
	const second = keepersOf(two, watch);
	t.match(await all.time.until(second.acquire("")), { epoch: 2, image: { life } });
	const back = keepersOf(all.host("3")).acquire(life);
	await t.rejects(all.time.until(back), /is owned by host 2, waiting$/);
	t.equal(second.keeper?.end, null);
	await all.time.until(second.close());
});

t.test("where nothing says whose log it is, the owner is waited for, whoever that is", async (t) => {
	const life = "a".repeat(32);
	/** As versions before this one wrote it. */
	const written = async (all: KeeperWorlds, { keeper }: HeadKeepers): Promise<void> => {
		const writing = keeper?.write((now) => ({ image: { ...now.image, life } }));
		await all.time.until(writing ?? Promise.reject(new Error("none")));
	};

	await t.test("one who has only just taken over may live", async (t) => {
		const all = new KeeperWorlds();
		const [one, two, watch] = [all.host("1"), all.host("2"), new LeaseWatch()];
		const first = keepersOf(one);
		await all.time.until(first.create());
		await written(all, first);
		one.life.isKilled = true;
		await t.rejects(all.time.until(keepersOf(two, watch).acquire("")), /is owned by host 1/);
		await all.pass(8_000);
		const second = keepersOf(two, watch);
		await all.time.until(second.acquire(""));
		const back = keepersOf(all.host("3")).acquire(life);
		await t.rejects(all.time.until(back), /is owned by host 2, waiting$/);
		t.equal(second.keeper?.end, null);
		await all.time.until(second.close());
	});

	await t.test("what one of this host has promised is here", async (t) => {
		const all = new KeeperWorlds();
		const [one, again, watch] = [all.host("1"), all.host("3"), new LeaseWatch()];
		const first = keepersOf(one);
		await all.time.until(first.create());
		await written(all, first);
		await all.time.until(first.keeper?.promise(5000, 1) ?? Promise.reject(new Error("none")));
		one.life.isKilled = true;
		const tried = keepersOf(again, watch).acquire(life);
		await t.rejects(all.time.until(tried), /is owned by host 1, waiting$/);
		await all.pass(8_000);
		const second = keepersOf(again, watch);
		t.match(await all.time.until(second.acquire(life)), { epoch: 2 });
		t.match(all.top.promised, { bytes: 5000 });
		await all.time.until(second.close());
	});
});

t.test(
	"an operator's word is about what was refused, and nothing that somebody promises later",
	async (t) => {
		const all = new KeeperWorlds();
		const promising = async (keepers: HeadKeepers, bytes: number): Promise<void> => {
			await all.time.until(keepers.keeper?.promise(bytes, 1) ?? Promise.reject(new Error("none")));
		};
		const one = all.host("1");
		const first = keepersOf(one);
		await all.time.until(first.create());
		await promising(first, 5000);
		one.life.isKilled = true;

		const word = new LossWord();
		const [two, watch] = [all.host("2"), new LeaseWatch()];
		const tried = (): Promise<unknown> => all.time.until(keepersOf(two, watch, word).acquire(""));
		word.say(2 ** 40);
		await t.rejects(tried(), /is owned by/);
		await all.pass(8_000);
		await t.rejects(tried(), /5000 bytes .* are only on that host/, "said before anything was refused");
		word.say(4999);
		await t.rejects(tried(), /5000 bytes/, "too little");
		word.say(2 ** 40);
		t.strictSame(word.said, { epoch: 1, bytes: 2 ** 40 });

		// (Meanwhile another one is quicker.)
		const otherWord = new LossWord();
		const [three, otherWatch] = [all.host("3"), new LeaseWatch()];
		const other = (): HeadKeepers => keepersOf(three, otherWatch, otherWord);
		await t.rejects(all.time.until(other().acquire("")), /is owned by/);
		await all.pass(8_000);
		await t.rejects(all.time.until(other().acquire("")), /5000 bytes/);
		otherWord.say(5000);
		const third = other();
		t.match(await all.time.until(third.acquire("")), { epoch: 2 });
		await promising(third, 7000);
		three.life.isKilled = true;

		await t.rejects(tried(), /is owned by/);
		await all.pass(8_000);
		await t.rejects(tried(), /7000 bytes/, "the word was about another one's writes");
		word.say(7000);
		const second = keepersOf(two, watch, word);
		t.match(await all.time.until(second.acquire("")), { epoch: 3 });
		word.say(2 ** 40);
		t.equal(word.said, undefined, "of what one has nothing can be lost");
		await all.time.until(second.close());
	},
);
