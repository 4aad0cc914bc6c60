// What a machine lacks for a configuration is said, and nothing where it lacks nothing.
import t from "tap";
import { type Means, meansHere, wanting } from "../../lib/opener/means.js";

const GIB = 2 ** 30;
const LARGE: Means = { processors: 8, memoryBytes: 16 * GIB, descriptors: 1_048_576 };

t.test("a machine that has it all", async (t) => {
	t.strictSame(wanting(8, 4096, LARGE), []);
	t.strictSame(wanting(1, 1, { processors: 1, memoryBytes: GIB / 16, descriptors: 66 }), []);
});

t.test("more workers than processors, or than there is memory for", async (t) => {
	t.match(wanting(64, 1, LARGE), [/workers = 64: this machine has 8 processors/]);
	t.match(wanting(64, 1, { ...LARGE, processors: 64, memoryBytes: 4 * GIB }), [
		/workers = 64: they take 3\.\d*G/,
	]);
});

t.test("fewer descriptors than disks want", async (t) => {
	const means = { ...LARGE, descriptors: 1024 };
	t.match(wanting(1, 1000, means), [/may have 1024 descriptors open, and a worker wants some 2064/]);
	t.strictSame(wanting(4, 1000, means), [], "each worker has its own");
});

t.test("what this machine has", async (t) => {
	const { processors, memoryBytes, descriptors } = meansHere();
	t.ok(processors >= 1 && memoryBytes > 0 && descriptors > 0);
});
