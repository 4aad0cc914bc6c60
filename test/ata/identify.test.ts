/**
 * IDENTIFY DEVICE through a reader written from the standard's table, and through the formula of Linux's aoe
 * driver. What it offers is held against what the commands do.
 */

import t from "tap";
import type { DeviceInfo } from "../../lib/block/device.js";
import { type DiskIdentity, makeIdentity } from "../../lib/disk.js";
import { ABRT, type Bench, IDENTITY, makeBench, OK, pattern } from "./bench.js";

/** IDENTIFY as 256 numbers. */
async function identify({ send }: Bench): Promise<number[]> {
	const { data } = await send({ command: 0xec, count: 1 });
	return Array.from({ length: 256 }, (_, word) => data.readUInt16LE(word * 2));
}

const words = (info: Partial<DeviceInfo> = {}, identity?: DiskIdentity) =>
	identify(makeBench(info, identity));

const bit = (value: number | undefined, n: number) => ((value ?? 0) >> n) & 1;

function text(all: number[], first: number, last: number): string {
	return all
		.slice(first, last + 1)
		.map((word) => String.fromCharCode(word >> 8, word & 0xff))
		.join("");
}

/** Several words as one number, the lowest word first. */
function number(all: number[], first: number, last: number): number {
	return all.slice(first, last + 1).reduceRight((sum, word) => sum * 65536 + word, 0);
}

t.test("512 bytes that add up to nothing, whatever the count", async (t) => {
	const { send, disk } = makeBench();
	for (const count of [0, 1, 2, 3, 255]) {
		const answer = await send({ command: 0xec, count, lba: 77 });
		t.match(answer, { result: OK, dataInBytes: 512, replyCount: 0 }, `count ${count}`);
		t.equal(answer.data[510], 0xa5);
		t.equal(
			answer.data.reduce((sum, byte) => (sum + byte) % 256, 0),
			0,
		);
	}
	t.equal((await send({ command: 0xec, roomBytes: 511 })).result, ABRT, "no room");
	t.equal((await send({ command: 0xec, roomBytes: 512 })).result, OK);
	t.equal(disk.stats.errors, 1);
});

t.test("who it is", async (t) => {
	const all = await words();
	t.equal(text(all, 10, 19), "9.0:0123456789      ");
	t.equal(text(all, 23, 26), "1.2.3   ");
	t.equal(text(all, 27, 46), "a model of forty characters, no more no.");
	t.same(all.slice(108, 112), [0x3123, 0x4567, 0x89ab, 0xcdef]);
	t.equal(bit(all[84], 8) & bit(all[87], 8), 1, "the world wide name is valid");

	const odd = await words({}, { ...IDENTITY, serial: "x".repeat(25), firmware: "ä\n1", model: "" });
	t.equal(text(odd, 10, 19), "x".repeat(20));
	t.equal(text(odd, 23, 26), "??1     ");
	t.equal(text(odd, 27, 46), " ".repeat(40));
	t.equal(text(odd, 20, 22), "\0".repeat(6), "nothing spills");

	const made = await words({}, makeIdentity("/disk.img", "0.1.0"));
	t.match(text(made, 10, 19), /^[0-9a-f]{20}$/);
	t.equal((made[108] ?? 0) >> 12, 3, "NAA 3");
});

t.test("how large it is", async (t) => {
	const sizes = [1, 2, 62, 63, 64, 1000, 1007, 1008, 1009, 8_388_610, 16_514_064, 16_514_065];
	for (const sectors of [...sizes, 2 ** 28 - 2, 2 ** 28 - 1, 2 ** 28, 2 ** 32 + 5, 2 ** 40 + 1]) {
		const all = await words({ sizeBytes: sectors * 512 });
		t.equal(number(all, 100, 103), sectors, `${sectors} sectors`);
		t.equal(number(all, 60, 61), Math.min(sectors, 0x0fffffff));
		const [cylinders = 0, , heads = 0, , , perTrack = 0] = all.slice(1);
		t.ok(
			cylinders >= 1 && cylinders <= 16383 && heads >= 1 && heads <= 16 && perTrack >= 1 && perTrack <= 63,
		);
		t.same(all.slice(54, 57), [cylinders, heads, perTrack]);
		t.equal(number(all, 57, 58), cylinders * heads * perTrack);
		t.ok(cylinders * heads * perTrack <= sectors, "no more than there is");
	}
	const all = await words({ sizeBytes: 2 ** 41 });
	t.same([all[1], all[3], all[6]], [16383, 16, 63]);
	t.equal(bit(all[53], 0), 1, "words 54 to 58 are valid");
	t.equal((await words({ sizeBytes: 1024 + 511 }))[100], 2, "a broken sector is not offered");

	const bench = makeBench();
	t.equal((await identify(bench))[100], 1000);
	bench.device.info = { ...bench.device.info, sizeBytes: 2000 * 512 };
	t.equal((await identify(bench))[100], 2000, "growth is seen");
});

t.test("as Linux's aoe driver reads it", async (t) => {
	const all = await words({ sizeBytes: 2 ** 33 * 512 });
	t.equal(((all[83] ?? 0) | (all[86] ?? 0)) & (1 << 10), 1 << 10);
	t.equal(number(all, 100, 103), 2 ** 33);
});

t.test("physical sectors, rotation", async (t) => {
	for (const [bytes, word106] of [
		[512, 0x4000],
		[1024, 0x6001],
		[4096, 0x6003],
		[65536, 0x6007],
	] as const) {
		const all = await words({ physicalBlockBytes: bytes });
		t.equal(all[106], word106, `${bytes} bytes`);
		t.equal(all[209], 0x4000);
		t.same(all.slice(117, 119), [0, 0], "logical sectors are 512 bytes");
	}
	t.equal((await words({ nonRotational: true }))[217], 1);
	t.equal((await words({ nonRotational: false }))[217], 0);
});

t.test("the words that never change", async (t) => {
	const all = await words();
	const wanted: [number, number][] = [
		[0, 0x0040],
		[2, 0xc837],
		[47, 0x8010],
		[48, 0x4000],
		[49, 0x0f00],
		[50, 0x4000],
		[53, 0x0007],
		[64, 0x0003],
		[80, 0x0700],
		[81, 0x010a],
		[83, 0x7400],
		[84, 0x4160],
		[86, 0xb400],
		[87, 0x4160],
		[119, 0x4000],
		[120, 0x4000],
	];
	for (const [word, value] of wanted) t.equal(all[word], value, `word ${word}`);
	const zero = [76, 77, 78, 79, 89, 90, 91, 92, 93, 94, 128, 206, 222, 230, 231, 232, 233];
	for (const word of zero)
		t.equal(all[word], 0, `word ${word}: no serial ATA, security, APM, SCT, transport`);
	t.same(all.slice(65, 69), [120, 120, 120, 120]);
});

t.test(
	"NOP, look-ahead, write cache, power management, SMART: supported, and as they are set now",
	async (t) => {
		const bench = makeBench({ writeCache: true });
		const set = (command: number, feature: number) => bench.send({ command, feature, lba: 0xc24f00 });
		t.same((await identify(bench))[82], 0x4069);
		t.same((await identify(bench))[85], 0x4069);
		await set(0xef, 0x82);
		t.same((await identify(bench))[85], 0x4049, "write cache off");
		await set(0xef, 0x55);
		t.same((await identify(bench))[85], 0x4009, "look-ahead off");
		await set(0xb0, 0xd9);
		t.same((await identify(bench))[85], 0x4008, "SMART off");
		t.same((await identify(bench))[82], 0x4069, "still supported");
		await set(0xef, 0x02);
		await set(0xef, 0xaa);
		await set(0xb0, 0xd8);
		t.same((await identify(bench))[85], 0x4069);
		t.equal((await words({ writeCache: false }))[85], 0x4049);
	},
);

t.test("TRIM is offered only where it can be kept", async (t) => {
	const trim = async (info: Partial<DeviceInfo>) => {
		const all = await words(info);
		return [all[69], all[105], all[169]];
	};
	t.same(await trim({ canTrim: true }), [0x4020, 255, 1]);
	t.same(await trim({ canTrim: false }), [0, 0, 0]);
	t.same(await trim({ canTrim: true, readOnly: true }), [0, 0, 0]);
});

t.test("what is offered works, what does not work is not offered", async (t) => {
	const { send } = makeBench();
	const all = await words();
	const works = async (command: number, feature = 0, more = {}) =>
		(await send({ command, feature, lba: 0xc24f00 % 1000, count: 1, ...more })).result === OK ? 1 : 0;
	t.equal(bit(all[82], 0), await works(0xb0, 0xd0, { lba: 0xc24f00 }), "SMART");
	t.equal(bit(all[82], 1), await works(0xf1), "security");
	t.equal(bit(all[82], 3), await works(0xe5), "power management");
	t.equal(bit(all[82], 10), await works(0xf8), "host protected area");
	t.equal(bit(all[82], 12), await works(0xe8), "WRITE BUFFER");
	t.equal(bit(all[82], 13), await works(0xe4), "READ BUFFER");
	t.equal(bit(all[83], 0), await works(0x92), "DOWNLOAD MICROCODE");
	t.equal(bit(all[83], 3), await works(0xef, 0x05), "advanced power management");
	t.equal(bit(all[83], 9), await works(0xef, 0x42), "acoustic management");
	t.equal(bit(all[83], 10), await works(0x24), "48-bit addresses");
	t.equal(bit(all[83], 12), await works(0xe7), "FLUSH CACHE");
	t.equal(bit(all[83], 13), await works(0xea), "FLUSH CACHE EXT");
	t.equal(bit(all[84], 0), await works(0xb0, 0xd5, { lba: 0xc24f01 }), "SMART error log");
	t.equal(bit(all[84], 1), await works(0xb0, 0xd4, { lba: 0xc24f01 }), "SMART self-test");
	t.equal(bit(all[84], 5), await works(0x2f, 0, { lba: 0 }), "general purpose logs");
	t.equal(bit(all[84], 6), await works(0x3d, 0, { data: pattern(1) }), "FUA");
	t.equal(bit(all[119], 2), await works(0x45), "WRITE UNCORRECTABLE");
	t.equal(bit(all[119], 3), await works(0x47), "READ LOG DMA EXT");
	t.equal(bit(all[75], 0), 0);
});

t.test("transfer modes: offered, selected", async (t) => {
	const bench = makeBench();
	const modes = async () => {
		const all = await identify(bench);
		return [all[63], all[88]];
	};
	t.same(await modes(), [0x0007, 0x407f]);
	for (const [count, mdma, udma] of [
		[0x20, 0x0107, 0x007f],
		[0x22, 0x0407, 0x007f],
		[0x40, 0x0007, 0x017f],
		[0x45, 0x0007, 0x207f],
		[0x08, 0x0007, 0x207f],
		[0x0c, 0x0007, 0x207f],
		[0x00, 0x0007, 0x207f],
		[0x01, 0x0007, 0x207f],
	] as const) {
		t.equal((await bench.send({ command: 0xef, feature: 3, count })).result, OK, `${count}`);
		t.same(await modes(), [mdma, udma]);
	}
	for (const count of [0x02, 0x0d, 0x10, 0x18, 0x23, 0x27, 0x28, 0x47, 0x80, 0xff]) {
		t.equal((await bench.send({ command: 0xef, feature: 3, count })).result, ABRT, `${count}`);
		t.same(await modes(), [0x0007, 0x207f]);
	}
});

t.test("which of several hosts has had it, of a disk that one at a time has, and of no other", async (t) => {
	const bench = makeBench();
	t.same(
		(await identify(bench)).slice(129, 160),
		Array.from({ length: 31 }, () => 0),
	);
	const tenure = { mayAnswer: true, epoch: 0x1_2345_6789, isNew: false };
	Object.assign(bench.device, { tenure });
	const all = await identify(bench);
	t.equal(all[129], 0x7662);
	t.equal(number(all, 130, 133), tenure.epoch);
	t.same(
		all.slice(134, 160),
		Array.from({ length: 26 }, () => 0),
	);
});
