/**
 * What ESXi has a disk do (its "hardware acceleration"), as bytes: from SBC-3 and SPC-4, by what is documented of it; not captured. For `esxi.test.ts`.
 */

import { number, type Vector, zeros } from "./by-hand.js";
import { WWN } from "./windows.js";

const BLOCK = 512;
/** A lock of the file system that nobody has, and as this host has it. */
const FREE = zeros(BLOCK);
const OURS = "e5".repeat(BLOCK);

/** ATS: what is there is compared with `expected`, and if it is that `wanted` takes its place. */
const lock = (what: string, expected: string, wanted: string, more: Partial<Vector> = {}): Vector => ({
	what,
	cdb: "89 00 0000000000001000 000000 01 00 00",
	sends: expected + wanted,
	...more,
});

/** EXTENDED COPY of `blocks` within the unit, which is named twice, without a list identifier's results being kept. */
function copy(from: number, to: number, blocks: number): Vector {
	const unit = `e4 00 0000 01 03 00 08 ${WWN} ${zeros(12)} 00 000200`;
	const segment = `02 00 0018 0000 0001 0000 ${number(blocks, 2)} ${number(from, 8)} ${number(to, 8)}`;
	return {
		what: "EXTENDED COPY",
		cdb: `83 ${zeros(9)} 0000006c 00 00`,
		sends: `01 10 0040 00000000 0000001c 00000000 ${unit} ${unit} ${segment}`,
	};
}

const read = (what: string, lba: number, gives: string): Vector => ({
	what,
	cdb: `28 00 ${number(lba)} 00 0001 00`,
	takes: BLOCK,
	gives,
});

export const MOVED: readonly Vector[] = [
	lock("COMPARE AND WRITE: it takes the lock", FREE, OURS),
	read("the lock is taken", 0x1000, OURS),
	lock("somebody else is late, and told from which byte on it is another", FREE, "77".repeat(BLOCK), {
		status: 2,
		sense: `f0 00 0e 00000000 0a 00000000 1d00 00 000000`,
	}),
	lock("it lets the lock go", OURS, FREE),
	{ what: "WRITE (10)", cdb: "2a 00 00002000 00 0080 00", sends: "c4".repeat(65_536) },
	{
		what: "RECEIVE COPY RESULTS: what copies are possible",
		cdb: "84 03 0000000000000000 00000208 00 00",
		takes: 520,
		gives: `0000002a 01 000000 0010 0040 00000900 ${zeros(16)} 0000 0010 10 09 00 00 000000 02 02 e4`,
	},
	copy(0x2000, 0x8000, 0x80),
	read("the first of what is copied", 0x8000, "c4".repeat(BLOCK)),
	read("the last of it", 0x807f, "c4".repeat(BLOCK)),
	read("and no more", 0x8080, FREE),
	{ what: "WRITE SAME (16): zeros", cdb: "93 00 0000000000002000 00000800 00 00", sends: FREE },
	read("zeros", 0x2000, FREE),
	{
		what: "UNMAP",
		cdb: "42 00 00000000 00 0018 00",
		sends: "0016 0010 00000000 0000000000008000 00000080 00000000",
	},
	read("freed", 0x8000, FREE),
	{ what: "RESERVE (6)", cdb: "16 00 00 00 00 00" },
	{ what: "RELEASE (6)", cdb: "17 00 00 00 00 00" },
];
