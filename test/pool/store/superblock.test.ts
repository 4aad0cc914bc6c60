// The superblock as bytes: what is written is read, and nothing else is believed.
import t from "tap";
import { DamagedError, OperatorError } from "../../../lib/errors.js";
import {
	checkImage,
	decodeSuperblock,
	encodeSuperblock,
	IMAGE_MAX_BYTES,
	type Superblock,
} from "../../../lib/pool/store/superblock.js";
import { Random } from "../../../lib/random.js";
import { rounds } from "../../support/long.js";

const ID = "0123456789abcdef0123456789abcdef";
const OWNER = { id: ID, host: ID, name: "alpha" };
const LOST = { epoch: 3, host: ID, bytes: 4096, seconds: 2, image: { upTo: 1 } };
const WHOLE: Superblock = {
	format: 1,
	pool: ID,
	epoch: 7,
	owner: OWNER,
	hostSince: 5,
	leaseMs: 6_000,
	beat: 12,
	writtenUs: 1e15,
	promised: { bytes: 8192, sinceUs: 1e15 - 1 },
	serve: "one",
	image: { manifest: null, tail: [1, "two", { three: true }] },
	lost: [LOST],
};

const bytesOf = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

t.test("what is written is read", async (t) => {
	const others: readonly Superblock[] = [
		WHOLE,
		{ ...WHOLE, promised: null, heir: { ...OWNER, name: "beta" } },
		{ ...WHOLE, serve: "both", isGivenBack: true },
	];
	for (const superblock of others)
		t.strictSame(decodeSuperblock(encodeSuperblock(superblock), "head"), superblock);
});

t.test("nothing else is believed", async (t) => {
	const cases: readonly Record<string, unknown>[] = [
		{ format: 0 },
		{ format: "1" },
		{ pool: ID.toUpperCase() },
		{ pool: ID.slice(1) },
		{ epoch: 0 },
		{ epoch: 1.5 },
		{ epoch: 2 ** 60 },
		{ hostSince: 0 },
		{ hostSince: 8 },
		{ owner: null },
		{ owner: { ...OWNER, id: "x" } },
		{ owner: { ...OWNER, host: 7 } },
		{ owner: { ...OWNER, name: "n".repeat(256) } },
		{ leaseMs: 0 },
		{ leaseMs: 1e9 },
		{ beat: -1 },
		{ writtenUs: "now" },
		{ promised: { bytes: -1, sinceUs: 0 } },
		{ promised: { bytes: 1 } },
		{ promised: 5 },
		{ serve: "none" },
		{ image: [] },
		{ image: null },
		{ heir: OWNER },
		{ heir: 1, promised: null },
		{ isGivenBack: false },
		{ lost: {} },
		{ lost: [{ ...LOST, host: "" }] },
		{ lost: [{ ...LOST, image: "x" }] },
		{ lost: Array.from({ length: 65 }, () => LOST) },
		{ more: 1 },
	];
	for (const wrong of cases)
		t.throws(
			() => decodeSuperblock(bytesOf({ ...WHOLE, ...wrong }), "head"),
			DamagedError,
			JSON.stringify(wrong),
		);
	for (const bytes of ["", "{", "[]", "null", "7", "\xff\xfe"])
		t.throws(
			() => decodeSuperblock(Buffer.from(bytes, "latin1"), "head"),
			DamagedError,
			JSON.stringify(bytes),
		);
});

t.test("one of a later version is told so", async (t) => {
	t.throws(() => decodeSuperblock(bytesOf({ format: 2 }), "head"), {
		message: "head: a pool of format 2; this version knows format 1",
	});
});

t.test("bytes that are damaged are one or none, never anything else", async (t) => {
	const random = new Random();
	const whole = encodeSuperblock(WHOLE);
	for (let round = 0; round < rounds(2_000, 200_000); round++) {
		const bytes = Buffer.from(whole);
		for (let i = 0; i <= random.below(3); i++) bytes[random.below(bytes.length)] = random.below(256);
		try {
			t.equal(encodeSuperblock(decodeSuperblock(bytes, "head")).length > 0, true);
		} catch (error) {
			if (!(error instanceof OperatorError)) throw error;
		}
	}
});

t.test("it has an end", async (t) => {
	const image = { text: "x".repeat(IMAGE_MAX_BYTES) };
	t.throws(() => checkImage(image), /would be 262\d+ bytes long; 262144 at most/);
	const half = { text: "x".repeat(IMAGE_MAX_BYTES - 100) };
	checkImage(half);
	t.ok(encodeSuperblock({ ...WHOLE, image: half }).length > IMAGE_MAX_BYTES);
	const lost = [1, 2].map((epoch) => ({ ...LOST, epoch, image: half }));
	t.throws(() => encodeSuperblock({ ...WHOLE, lost }), /2 lost tails with it; 393216 at most/);
});
