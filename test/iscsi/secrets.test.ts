/** Secrets of both directions that are the same: nobody logs in by them, and that is told before anybody tries. Secrets that change. Mirrors lib/daemon/iscsi-secrets.ts. */

import t, { type Test } from "tap";
import { IscsiSecrets } from "../../lib/daemon/iscsi-secrets.js";
import { OperatorError } from "../../lib/errors.js";
import type { Log } from "../../lib/log.js";
import type { ChapSpec } from "../../lib/spec/spec.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";

const log: Log = { info() {}, warn() {}, error() {}, verbose() {} };
const HOLDS: Readonly<Record<string, string>> = {
	"/a": "not too short",
	"/b": "not too short",
	"/c": "another one",
};

function secrets(t: Test, ...used: ChapSpec[]): IscsiSecrets {
	const read = async (file: string) => ({ secret: HOLDS[file] ?? "", warnings: [] });
	const found = new IscsiSecrets({ log, read, used: () => used });
	t.teardown(() => found.close());
	return found;
}

const chap = (file: string) => ({ user: "us", secretFile: "/a", mutual: { user: "we", secretFile: file } });
const SAME = "/a and /b: hold the same secret; each direction needs one of its own";

t.test("of an export that can't do without it is a mistake", async (t) => {
	await t.rejects(secrets(t).take(chap("/b")), { message: SAME });
	await t.resolves(secrets(t).take(chap("/c")));
});

t.test("of others it is told, and nobody is let in until they differ", async (t) => {
	const found = secrets(t, chap("/b"), chap("/c"), chap("/b"), { user: "us", secretFile: "/a" });
	await found.begin(chap("/b"));
	await found.begin(chap("/c"));
	t.equal(found.chapOf(chap("/b")), SAME);
	t.match(found.chapOf(chap("/c")), { target: { user: "we" } });
	t.same(found.wrong, [SAME]);
});

t.test(
	"what can't be read any more is told when it is tried again, unless nobody uses it by then",
	async (t) => {
		for (const isStillUsed of [true, false]) {
			const clock = new VirtualClock();
			const told: string[] = [];
			const gone = new Set<string>();
			let used: ChapSpec[] = [{ user: "us", secretFile: "/a" }];
			const read = async (file: string) => {
				if (gone.has(file)) throw new OperatorError(`${file}: is no secret`);
				return { secret: HOLDS[file] ?? "", warnings: [] };
			};
			const found = new IscsiSecrets({
				...{ log: { ...log, error: (line) => void told.push(line) }, read, clock, used: () => used },
			});
			t.teardown(() => found.close());
			await found.begin(used[0]!);
			gone.add("/a");
			// (A reload has them read before it says what is used, perhaps twice.)
			await Promise.all([found.follow(), found.follow()]);
			t.strictSame([found.wrong, told], [[], []]);
			if (!isStillUsed) used = [{ user: "us", secretFile: "/c" }];
			t.equal(clock.step(), true);
			await new Promise(setImmediate);
			const wrong = isStillUsed ? ["/a: is no secret"] : [];
			t.strictSame(found.wrong, wrong);
			t.equal(told.length, wrong.length);
			if (isStillUsed) t.match(found.chapOf(used[0]!), { initiator: { user: "us" } }, "who knew it logs in");
		}
	},
);

t.test("that a file holds another one by now is told, once", async (t) => {
	const told: string[] = [];
	let secret = "0123456789abcdef";
	const found = new IscsiSecrets({
		log: { ...log, info: (line) => void told.push(line) },
		read: async () => ({ secret, warnings: [] }),
		used: () => [{ user: "us", secretFile: "/a" }],
	});
	await found.follow();
	await found.follow();
	t.same(told, []);
	secret = "fedcba9876543210";
	await found.follow();
	await found.follow();
	t.match(told, [/^iscsi: .*: the secret is another one, for whoever logs in from now on$/]);
	t.equal(told.length, 1);
	found.close();
});
