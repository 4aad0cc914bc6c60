/** What an operator writes, value by value. Mirrors lib/spec/values.ts; whole command lines are in test/cli/. */

import t from "tap";
import { OperatorError } from "../../lib/errors.js";
import {
	readBandwidth,
	readMacs,
	readMemorySize,
	readNumber,
	readOperations,
	readStorage,
	sizeBytes,
} from "../../lib/spec/values.js";

t.test("a number: digits in a range, and how it is called where it is wrong", async (t) => {
	t.equal(readNumber("slot", "007", { min: 0, max: 254 }), 7);
	t.equal(readNumber("seconds", "0.5", { min: 0.1, max: 60, fraction: true }), 0.5);
	for (const wrong of ["", "-1", "+1", "1e2", "0x1", " 1", "1.5", "255", "٣"])
		t.throws(
			() => readNumber("slot", wrong, { min: 0, max: 254 }),
			new OperatorError(`slot "${wrong}": a number from 0 to 254 is allowed`),
		);
	for (const wrong of ["1.", ".5", "1.5.2", "0.05", "60.1"])
		t.throws(
			() => readNumber("time", wrong, { min: 0.1, max: 60, called: "a time", fraction: true }),
			new OperatorError(`time "${wrong}": a time is a number from 0.1 to 60`),
		);
});

t.test("a size: bytes, or with a unit of either case", async (t) => {
	const sizes: [string, number][] = [
		["0", 0],
		["512", 512],
		["4k", 4096],
		["1M", 2 ** 20],
		["3g", 3 * 2 ** 30],
		["8191T", 8191 * 2 ** 40],
	];
	for (const [text, bytes] of sizes) t.equal(sizeBytes(text), bytes, text);
	for (const wrong of ["", "k", "1kk", "1.5k", "-1k", "1 k", "1b", "8192T", "9".repeat(400)])
		t.equal(sizeBytes(wrong), undefined, wrong);
});

t.test("MAC addresses: each once, and not too many", async (t) => {
	t.strictSame(readMacs(["000000000001,00:00:00:00:00:02", "000000000001"], 2), [1, 2]);
	t.strictSame(readMacs([], 2), []);
	t.throws(() => readMacs(["000000000001,"], 2), /^mac "": an address is 6 pairs/);
	t.throws(
		() => readMacs(["000000000001,000000000002,000000000003"], 2),
		new OperatorError("mac: 3 addresses are given; at most 2 are allowed"),
	);
});

t.test("a limit: operations or bytes per second", async (t) => {
	t.equal(readOperations("iops", "5000"), 5000);
	t.equal(readBandwidth("bandwidth", "100M"), 100 * 2 ** 20);
	t.equal(readBandwidth("bandwidth", "4096"), 4096);
	t.equal(readBandwidth("bandwidth", "1024T"), 2 ** 50);
	for (const wrong of ["0", "-1", "1.5", "1K", "1e10"])
		t.throws(
			() => readOperations("iops", wrong),
			new OperatorError(
				`iops "${wrong}": a number of operations per second is a number from 1 to 1000000000`,
			),
		);
	for (const wrong of ["4095", "3K", "1025T", "fast", "-4096"])
		t.throws(() => readBandwidth("bandwidth", wrong), /^bandwidth ".*": .* at least 4K/);
});

t.test("memory that is too much says how much is not", async (t) => {
	const allowed = "a size is a number above 0 with K, M, G or T, as in";
	t.equal(readMemorySize("memory", "8191T"), 8191 * 2 ** 40);
	t.throws(() => readMemorySize("memory", "8192T"), {
		message: `memory "8192T": ${allowed} 64M, at most 8191T`,
	});
	t.throws(() => readStorage("mem:9999T"), {
		message: `filename "mem:9999T": ${allowed} mem:64M, at most mem:8191T`,
	});
	t.throws(() => readStorage("mem:0T"), { message: `filename "mem:0T": ${allowed} mem:64M` });
});
