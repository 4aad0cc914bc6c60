// A disk at the other end of a link whose target means ill: no answer is taken for what it is not, and nothing is waited for or asked without an end.

import t from "tap";
import { ATA_HEADER_BYTES, ataStatus } from "../../lib/aoe/ata-section.js";
import { configBufferCount, configSectors } from "../../lib/aoe/config.js";
import { AoeFlag, aoeError, aoeTag, aoeVersionFlags } from "../../lib/aoe/header.js";
import { BlockOp } from "../../lib/block/request.js";
import { StorageStatus } from "../../lib/errors.js";
import { ethSource } from "../../lib/wire/ethernet.js";
import { INTERVAL_MS } from "./far-bench.js";

import { at, Ill, isAta, LIMIT_MS, ROGUE_MAC, type Spoil } from "./ill.js";

const NEVER: Readonly<Record<string, Spoil>> = {
	"answers have tags that nobody waits for": (frame, deliver) => {
		aoeTag.set(frame, 0, (aoeTag.get(frame, 0) ^ 0x5555) >>> 0);
		deliver();
	},
	"answers to commands have such tags, and others not": (frame, deliver) => {
		if (isAta(frame)) aoeTag.set(frame, 0, (aoeTag.get(frame, 0) ^ 0x5555) >>> 0);
		deliver();
	},
	"answers end before the data": (frame, deliver, far) => {
		if (isAta(frame)) far.link.arrive(frame, 0, Math.min(frame.length, 60));
		else deliver();
	},
	"answers end behind the header": (frame, _deliver, far) => far.link.arrive(frame, 0, 24),
	"answers come from somebody else": (frame, deliver) => {
		ethSource.set(frame, 0, ROGUE_MAC);
		deliver();
	},
	"answers say that the target can't do that": (frame, deliver) => {
		aoeVersionFlags.set(frame, 0, aoeVersionFlags.get(frame, 0) | AoeFlag.error);
		aoeError.set(frame, 0, 3);
		deliver();
	},
	"commands are answered so": (frame, deliver) => {
		if (isAta(frame)) {
			aoeVersionFlags.set(frame, 0, aoeVersionFlags.get(frame, 0) | AoeFlag.error);
			aoeError.set(frame, 0, 3);
		}
		deliver();
	},
};

for (const [name, spoil] of Object.entries(NEVER))
	t.test(`${name}: what is asked ends, is seldom asked, and heals`, async (t) => {
		const { ill, far, disk, ask } = await Ill.open(spoil);
		ill.isIll = true;
		const [begunMs, before] = [far.clock.now(), ill.frames];
		t.equal(await ask(at(4096)), StorageStatus.unreachable);
		const tookMs = far.clock.now() - begunMs;
		t.ok(tookMs >= LIMIT_MS - INTERVAL_MS && tookMs <= LIMIT_MS + 2 * INTERVAL_MS, `${tookMs} ms`);
		t.ok(ill.frames - before < 2000, `${ill.frames - before} frames`);
		ill.isIll = false;
		await far.pass(4 * INTERVAL_MS);
		t.equal(await ask(at(4096)), StorageStatus.ok);
		t.equal(disk.state.state, "connected");
		await far.until(disk.close());
	});

t.test("errors for ever are errors each, and end no connection", async (t) => {
	for (const status of [0x41, 0x61, 0x80]) {
		const { ill, far, disk, ask } = await Ill.open((frame, deliver) => {
			if (isAta(frame)) ataStatus.set(frame, 0, status);
			deliver();
		});
		ill.isIll = true;
		for (let i = 0; i < 50; i++) t.equal(await ask(at(4096 * i)), StorageStatus.mediumError);
		t.equal(await ask({ op: BlockOp.flush }), StorageStatus.mediumError);
		ill.isIll = false;
		t.equal(await ask(at(4096)), StorageStatus.ok);
		t.equal(disk.state.losses, 0);
		await far.until(disk.close());
	}
});

t.test("each answer several times, once more when the next has come, and once more much later", async (t) => {
	const old: (() => void)[] = [];
	const { ill, far, disk, ask } = await Ill.open((_frame, deliver, { clock, pump }) => {
		for (const again of [...old.splice(0), deliver, deliver]) again();
		old.push(deliver);
		clock.after(3000, () => {
			deliver();
			pump.run();
		});
	});
	ill.isIll = true;
	for (let i = 0; i < 100; i++) {
		const offset = 4096 * (i % 16);
		t.equal(await ask(at(offset, BlockOp.write, i)), StorageStatus.ok);
		const read = at(offset);
		t.equal(await ask(read), StorageStatus.ok);
		if (!read.memory.bytes.every((byte) => byte === i)) t.fail(`read ${i} is another one's answer`);
	}
	t.equal(disk.state.losses, 0);
	await far.until(disk.close());
});

t.test(
	"what it says of itself is nothing that can't be, and may change between two connections",
	async (t) => {
		for (const [buffers, sectors] of [
			[0, 0],
			[65_535, 255],
			[1, 1],
		] as const) {
			const { ill, far, disk, ask } = await Ill.open((frame, deliver) => {
				if (!isAta(frame)) {
					configBufferCount.set(frame, 0, buffers);
					configSectors.set(frame, 0, sectors);
				}
				deliver();
			});
			ill.isIll = true;
			far.link.setUp(false);
			far.link.setUp(true);
			for (let i = 0; i < 8; i++) t.equal(await ask(at(4096 * i, BlockOp.write, i)), StorageStatus.ok);
			await far.until(disk.close());
		}
	},
);

/** Its IDENTIFY has these words; no sum says that they are right. */
function withWords(change: (view: DataView) => void): Spoil {
	return (frame, deliver) => {
		if (isAta(frame) && frame.length >= ATA_HEADER_BYTES + 512) {
			const view = new DataView(frame.buffer, frame.byteOffset + ATA_HEADER_BYTES);
			change(view);
			view.setUint16(510, 0, true);
		}
		deliver();
	};
}

t.test("a disk of no size, or of one that can't be counted, is refused in a line", async (t) => {
	for (const [sectors, why] of [
		[0n, /^the export has 0 bytes/],
		[2n ** 48n - 1n, /^e9\.0: the disk has 281474976710655 sectors: that is too many$/],
		[2n ** 64n - 1n, /that is too many$/],
	] as const) {
		const ill = new Ill(withWords((view) => view.setBigUint64(200, sectors, true)));
		ill.isIll = true;
		await t.rejects(ill.far.until(ill.far.open()), { name: "OperatorError", message: why });
	}
});

t.test("another size, or another serial number, is another disk, which is said in a line", async (t) => {
	for (const [change, why] of [
		[(view: DataView) => view.setBigUint64(200, 4096n, true), /^the export has 2097152 bytes now, and had/],
		[(view: DataView) => view.setUint16(20, 0x1b0a), /^it is another disk, with the serial number \\x1b/],
	] as const) {
		const { ill, far, disk, ask } = await Ill.open(withWords(change));
		ill.isIll = true;
		far.link.setUp(false);
		far.link.setUp(true);
		t.equal(await ask(at(0)), StorageStatus.unreachable);
		t.match(disk.state, { state: "stopped", why });
		ill.isIll = false;
		await far.pass(2 * INTERVAL_MS);
		t.equal(await ask(at(0)), StorageStatus.ok);
		await far.until(disk.close());
	}
});
