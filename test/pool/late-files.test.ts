// A pool of many files is open when their names are known: each file is opened when something of it is asked, the others in the background,
// a little in each turn; one that can't be opened is told, keeps nobody else, and is tried again.
import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import { type BlockDevice, PromisedRequest } from "../../lib/block/device.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { BlockOp } from "../../lib/block/request.js";
import { OperatorError } from "../../lib/errors.js";
import { fileName } from "../../lib/pool/folder.js";
import { FILE_BYTES } from "../../lib/pool/format.js";
import { LateFile } from "../../lib/pool/late-file.js";
import { Pool } from "../../lib/pool/pool.js";
import type { PoolTold } from "../../lib/pool/told.js";
import { Pump } from "../../lib/pump.js";
import { blockConformance } from "../../lib/testing/block-conformance.js";
import { heapMemory } from "../../lib/wire/memory.js";
import { MemoryFolder, Stage, testWorld } from "./memory-folder.js";

const MIB = 2 ** 20;
const RECORDS = 80;
const FILES = 12;

/** Files are opened one at a time when they are let, or fail to be. */
class SlowFolder extends MemoryFolder {
	readonly opened: string[] = [];
	/** Names that can't be opened. */
	readonly locked = new Set<string>();
	/** Files whose opening waits for `gate`. */
	waits: (name: string) => boolean = () => true;
	gate: Promise<void> = Promise.resolve();

	override async open(name: string): Promise<BlockDevice> {
		if (this.waits(name)) await this.gate;
		if (this.locked.has(name)) throw new OperatorError(`${name}: is locked`);
		this.opened.push(name);
		return super.open(name);
	}
}

const record = (value: number): number[] => new Array<number>(250).fill(1 + (value % 250));

async function filled(): Promise<SlowFolder> {
	const folder = new SlowFolder();
	const pool = await Pool.create(testWorld(folder));
	await pool.administration.create("web", 1024 * MIB, 4096);
	const stage = await Stage.of(pool);
	for (let at = 0; at < RECORDS; at++) await stage.write(250 * at, ...record(at));
	await stage.close();
	for (let file = 0; file < FILES; file++) {
		const name = fileName(file);
		if (!folder.files.has(name)) folder.files.set(name, new MemoryDevice(FILE_BYTES));
	}
	folder.opened.length = 0;
	return folder;
}

const lateWorld = (folder: SlowFolder) => ({ ...testWorld(folder), openedFirst: 2 });

t.test("as a device", async (t) => {
	const make = (sizeBytes: number) =>
		new LateFile(new MemoryDevice(sizeBytes).info, async () => new MemoryDevice(sizeBytes));
	await blockConformance(t, "a late file", async () => make(MIB), { pump: new Pump(), ordered: true });
});

t.test("who comes in the very turns in which it could not be opened is served, too", async (t) => {
	const unserved: number[] = [];
	for (let ticks = 0; ticks < 20; ticks++) {
		let tries = 0;
		const file = new LateFile(new MemoryDevice(MIB).info, async () => {
			if (tries++ === 0) throw new OperatorError("is locked");
			return new MemoryDevice(MIB);
		});
		void file.begin();
		for (let tick = 0; tick < ticks; tick++) await null;
		const asked = new PromisedRequest();
		Object.assign(asked.request, { op: BlockOp.read, lengthBytes: 512, memory: heapMemory(512) });
		let isServed = false;
		void asked.run(file).then(() => {
			isServed = true;
		});
		for (let turn = 0; turn < 5; turn++) await nextTurn();
		if (!isServed) unserved.push(ticks);
		await file.close();
	}
	t.strictSame(unserved, []);
});

t.test("a pool of many files is open before they are", async (t) => {
	const folder = await filled();
	let open = (): void => {};
	folder.gate = new Promise((resolve) => {
		open = resolve;
	});
	folder.waits = (name) => name > "log.000001";
	const pool = await Pool.open(lateWorld(folder));
	t.ok(folder.opened.length <= 3, `${folder.opened.length} of them were opened when it was`);
	const stage = await Stage.of(pool);
	for (let at = 0; at < RECORDS; at += 7) t.equal(await stage.read(250 * at), 1 + (at % 250), `record ${at}`);
	open();
	for (let turns = 0; folder.opened.length <= FILES && turns < 1000; turns++) await nextTurn();
	t.equal(new Set(folder.opened).size, FILES + 1, "in the end all are, and the head");
	t.equal(folder.opened.length, FILES + 1, "each of them once");
	await stage.close();
});

t.test("one that can't be opened keeps what it has alone, is told, and is tried again", async (t) => {
	const folder = await filled();
	folder.locked.add("log.000000");
	// (It is found out before the pool is open, when there is nobody to tell yet.)
	folder.free = async () => {
		for (let turns = 0; turns < 50; turns++) await nextTurn();
		return undefined;
	};
	const pool = await Pool.open(lateWorld(folder));
	Reflect.deleteProperty(folder, "free");
	const told: PoolTold[] = [];
	const damaged: PoolTold[] = [];
	pool.tell = (each) => (each.kind === "pool-damage" ? damaged : told).push(each);
	const stage = await Stage.of(pool);
	const wrong: number[] = [];
	for (let at = 0; at < RECORDS; at++) {
		const got = await stage.read(250 * at).catch(() => -1);
		if (got !== 1 + (at % 250)) wrong.push(at);
	}
	t.ok(wrong.length > 20 && wrong.length < 80, `${wrong.length} records can't be read`);
	const aged = async (): Promise<void> => {
		pool.age();
		for (let turns = 0; turns < 50; turns++) await nextTurn();
	};
	await aged();
	t.match(damaged[0], { message: /log.000000, byte [0-9]+: a page can't be read/ });
	t.match(told, [{ kind: "pool-away", level: "error", message: /log.000000: is locked; what it has/ }]);
	await aged();
	t.equal(told.length, 1, "once");
	folder.locked.clear();
	await aged();
	await aged();
	t.match(told.at(-1), { kind: "pool-away", level: "info" });
	for (const at of wrong) t.equal(await stage.read(250 * at), 1 + (at % 250));
	await stage.close();
});

t.test("one that is too short is none", async (t) => {
	const late = new LateFile(new MemoryDevice(FILE_BYTES).info, async () => {
		throw new OperatorError("log.000001: is 7 bytes long");
	});
	await late.begin();
	t.match(late.trouble, /7 bytes/);
	t.equal(await late.close(), "closed");
});

t.test("a pool is closed while its files are being opened", async (t) => {
	const folder = await filled();
	const pool = await Pool.open(lateWorld(folder));
	let open = (): void => {};
	folder.gate = new Promise((resolve) => {
		open = resolve;
	});
	const stage = await Stage.of(pool);
	const reading = stage.read(250);
	const closing = stage.close();
	open();
	const [read] = await Promise.allSettled([reading, closing]);
	t.ok(read.status === "rejected" || read.value === 2, "what was asked has an answer, and it ends");
});
