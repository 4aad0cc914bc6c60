// A pool on a block device: its parts are at fixed places, what is on the device is not overwritten unasked, a copy is told from the
// first one, and whatever is changed, nothing is read that was not written.
import t from "tap";
import { MemoryDevice } from "../../lib/block/memory.js";
import { BlockOp, type BlockRequest } from "../../lib/block/request.js";
import { StorageStatus } from "../../lib/errors.js";
import { DeviceFolder } from "../../lib/pool/device-folder.js";
import { BLOCK_BYTES } from "../../lib/pool/format.js";
import { Pool } from "../../lib/pool/pool.js";
import { signatureIn } from "../../lib/pool/signatures.js";
import { Random } from "../../lib/random.js";
import { kept, MemoryFolder, peek, poke, Stage, testWorld } from "./memory-folder.js";

const MIB = 2 ** 20;
const NAME = "/dev/pool";

/** Devices by name, as a folder has files, to look at and to change. */
class Devices extends MemoryFolder {
	isOpen = 0;

	constructor(sizeBytes: number) {
		super();
		this.files.set(NAME, new MemoryDevice(sizeBytes));
	}

	/** A pool's view of the device, or of another one that holds the same. */
	folder(site?: string): DeviceFolder {
		return new DeviceFolder(NAME, site, async () => {
			this.isOpen++;
			const device = kept(this.files.get(NAME)!);
			const close = () => {
				this.isOpen--;
				return device.close();
			};
			return { ...device, info: device.info, close };
		});
	}

	async createPool(site?: string): Promise<Stage> {
		const pool = await Pool.create(testWorld(this.folder(site)));
		await pool.administration.create("web", 256 * MIB, 4096);
		return Stage.of(pool);
	}

	async reopen(site?: string): Promise<Stage> {
		return Stage.of(await Pool.open(testWorld(this.folder(site))));
	}
}

const record = (value: number): number[] => new Array<number>(250).fill(value);

t.test("it goes on until the device is full, and is opened again", async (t) => {
	const devices = new Devices(140 * MIB);
	const stage = await devices.createPool();
	let written = 0;
	while ((await stage.write(250 * written, ...record(1 + (written % 250)))) === StorageStatus.ok) written++;
	t.ok(written > 50, `${written} megabytes in two parts of 64`);
	const last = written - 1;
	t.equal(await stage.read(250 * last), 1 + (last % 250));
	await stage.close();
	t.equal(devices.isOpen, 0, "and lets go of the device");
	const again = await devices.reopen();
	t.equal(await again.read(250 * last), 1 + (last % 250));
	await again.close();
});

t.test("all of it is written at first, if that is wanted", async (t) => {
	const devices = new Devices(80 * MIB);
	await poke(devices, NAME, 40 * MIB, new Uint8Array(BLOCK_BYTES).fill(1));
	const told: number[] = [];
	const filling = { sizeBytes: undefined, progress: (done: number, of: number) => told.push(done / of) };
	await (await Pool.create(testWorld(devices.folder()), { filling })).close();
	t.equal(told.at(-1), 1);
	t.ok((await peek(devices, NAME, 40 * MIB, BLOCK_BYTES)).every((byte) => byte === 0));
});

t.test("and then none of it is written with zeros later", async (t) => {
	for (const sizeBytes of [0, 64 * MIB]) {
		let pieces = 0;
		const folder = new MemoryFolder((device, name) => {
			const isFirst = name === "log.000000";
			const submit = (request: BlockRequest) => {
				if (isFirst && request.op === BlockOp.write && request.lengthBytes === 512 * 1024) pieces++;
				device.submit(request);
			};
			return { ...kept(device), info: device.info, submit };
		});
		folder.fillsAhead = true;
		const filling = { sizeBytes, progress: () => {} };
		const pool = await Pool.create(testWorld(folder), { filling });
		await pool.administration.create("web", 64 * MIB, 4096);
		const stage = await Stage.of(pool);
		for (let i = 0; i < 20; i++) await stage.write(250 * i, ...record(1));
		await stage.close();
		t.equal(pieces > 0, sizeBytes === 0, `${pieces} pieces of 512 KiB`);
	}
});

t.test("what is too small, and what is in use, is refused", async (t) => {
	const small = new Devices(16 * MIB);
	await t.rejects(
		Pool.create(testWorld(small.folder())),
		/^\/dev\/pool: has 16777216 bytes; a pool takes at least/,
	);
	const devices = new Devices(80 * MIB);
	await poke(
		devices,
		NAME,
		1024,
		Buffer.concat([Buffer.alloc(56), Buffer.from("53ef", "hex"), Buffer.alloc(454)]),
	);
	const create = (force = false) => Pool.create(testWorld(devices.folder()), { force });
	await t.rejects(
		create(),
		/^\/dev\/pool: has an ext2, ext3 or ext4 file system on it; --force overwrites it$/,
	);
	await t.rejects(devices.reopen(), /^\/dev\/pool: is no pool$/);
	await (await create(true)).close();
	t.equal(
		signatureIn(await peek(devices, NAME, 0, 72 * 1024)),
		undefined,
		"nobody takes it for one any more",
	);
	await t.rejects(create(), /has a pool on it; --force overwrites it/);
	await (await create(true)).close();
	t.equal(small.isOpen + devices.isOpen, 0);
});

t.test("a partition table, and what else is known by its beginning", (t) => {
	const at = (offset: number, text: string): Buffer => {
		const bytes = Buffer.alloc(72 * 1024);
		bytes.write(text, offset, "latin1");
		return bytes;
	};
	t.equal(signatureIn(at(510, "\x55\xaa")), "a partition table");
	t.equal(signatureIn(at(512, "EFI PART")), "a GUID partition table");
	t.equal(signatureIn(at(0, "XFSB")), "an XFS file system");
	t.equal(signatureIn(at(65600, "_BHRfS_M")), "a btrfs file system");
	t.equal(signatureIn(at(0, "some text")), undefined);
	t.end();
});

t.test("a device that holds a copy, and one that is smaller", async (t) => {
	const devices = new Devices(140 * MIB);
	const stage = await devices.createPool("disk 1");
	for (let i = 0; i < 70; i++) await stage.write(250 * (i % 60), ...record(i + 1));
	await stage.close();
	await t.rejects(devices.reopen("disk 2"), /^\/dev\/pool: is a copy of a pool .*--adopt/);
	await (await devices.reopen("disk 1")).close();
	await (await Pool.adopt(testWorld(devices.folder("disk 2"), 2))).close();
	const adopted = await devices.reopen("disk 2");
	t.equal(await adopted.read(250 * 9), 70, "its past is still its own");
	await adopted.close();
	await t.rejects(devices.reopen("disk 1"), /is a copy/);
	const smaller = new Devices(80 * MIB);
	for (const at of [0, 16, 40]) await poke(smaller, NAME, at * MIB, await peek(devices, NAME, at * MIB, MIB));
	await t.rejects(smaller.reopen("disk 2"), /^\/dev\/pool\/log\.000001: lies behind the end of the device/);
});

t.test("any byte before the log is changed: it is opened by what is whole, or refused", async (t) => {
	const devices = new Devices(80 * MIB);
	const stage = await devices.createPool();
	await stage.write(3, 33);
	await stage.close();
	const random = new Random();
	t.comment(`seed ${random.seed}`);
	const length = 4 * BLOCK_BYTES;
	const before = await peek(devices, NAME, 0, length);
	for (let round = 0; round < 60; round++) {
		const bytes = before.slice();
		// Half of them where something is.
		const block = BLOCK_BYTES * random.below(4);
		bytes[block + random.below(random.chance(0.5) ? 300 : BLOCK_BYTES)]! ^= 1 + random.below(255);
		await poke(devices, NAME, 0, bytes);
		const opened = await devices.reopen().catch((error: unknown) => String(error));
		if (typeof opened === "string") t.match(opened, /^OperatorError: \/dev\/pool/);
		else {
			t.equal(await opened.read(3), 33);
			await opened.close();
		}
		t.equal(devices.isOpen, 0);
	}
	for (const [from, message] of [
		[0, /\/dev\/pool: is no pool/],
		[2 * BLOCK_BYTES, /\/dev\/pool\/log\.000000, byte \d+: a checkpoint is here, but there is no such file/],
	] as const) {
		const bytes = before.slice();
		bytes.fill(0, from, from + 2 * BLOCK_BYTES);
		await poke(devices, NAME, 0, bytes);
		await t.rejects(devices.reopen(), message, "both copies are gone");
	}
});
