// The opener trusts nobody who asks: whatever a child says is either a question as it should be, or refused.
import fc from "fast-check";
import t from "tap";
import { OperatorError } from "../../lib/errors.js";
import { questionOf } from "../../lib/opener/questions.js";

const OPEN = { kind: "open", path: "/srv/web.img", readOnly: false, flags: 0, beginBytes: 0, lengthBytes: 0 };

t.test("questions as they should be", async (t) => {
	t.strictSame(questionOf(OPEN), OPEN);
	for (const question of [
		{ kind: "listen", path: "/run/frames.sock" },
		{ kind: "socket", address: "127.0.0.1:10809" },
		{ kind: "poolFiles", pool: "/srv/fast" },
		{ kind: "poolFile", pool: "/srv/fast", file: 17 },
		{ kind: "poolIdentities", pool: "/srv/fast", first: 1024, count: 1024 },
		{ kind: "nbdKeys" },
		{ kind: "remoteKeys", hasUser: true },
		{ kind: "addresses", host: "storage-1.example.org" },
		{ kind: "sources" },
		{ kind: "keep", name: "disks.json" },
		{ kind: "kept", name: "history-143" },
		{ kind: "processes" },
		{ kind: "listeners" },
		{ kind: "permit", path: "/srv/web.img", readOnly: true },
		{ kind: "permitSecret", file: "/etc/vblade/web.chap" },
		{ kind: "permitLink", link: "unix:/run/frames.sock" },
		{ kind: "speeds", names: ["eth0", "..."] },
		{ kind: "notify", state: "ready", status: "2 disks" },
	])
		t.strictSame(questionOf(question), question);
});

t.test("what is none", async (t) => {
	const wrong: object[] = [
		{},
		{ kind: "toString" },
		{ kind: "__proto__" },
		{ kind: 1 },
		{ kind: "keep", name: "../shadow" },
		{ kind: "keep", name: "disks.json\n" },
		{ kind: "kept", name: "token" },
		...["../../x", "..", ".", "", "a/b", "a\0", "longer than fifteen", 1].map((name) => ({
			kind: "speeds",
			names: [name],
		})),
		{ kind: "permit", path: "web.img", readOnly: true },
		{ kind: "poolFiles", pool: "fast" },
		{ kind: "poolIdentities", pool: "fast", first: 0, count: 1 },
		...[-1, 0.5, 1025, "1"].map((count) => ({ kind: "poolIdentities", pool: "/srv/fast", first: 0, count })),
		{ kind: "remoteKeys" },
		...["", "-s", "--service=files", ".", "a b", "a\n", "a;b", "[::1]", "x".repeat(300), 7].map((host) => ({
			kind: "addresses",
			host,
		})),
		...[-1, 0.5, 2 ** 20, "0", "../head"].map((file) => ({ kind: "poolFile", pool: "/srv/fast", file })),
		{ kind: "notify", state: "ready\nMAINPID=1", status: "" },
		...["", "web.img", "/a\0b", `/${"x".repeat(5000)}`, 3, null].map((path) => ({ ...OPEN, path })),
		...[-1, 0.5, Number.NaN, 2 ** 53, "0"].map((beginBytes) => ({ ...OPEN, beginBytes })),
		{ ...OPEN, readOnly: 0 },
		{ ...OPEN, flags: 256 },
	];
	for (const body of wrong) t.throws(() => questionOf(body as Record<string, unknown>), OperatorError);
});

t.test("anything else", async (t) => {
	const anything = fc.dictionary(fc.string(), fc.anything());
	fc.assert(
		fc.property(anything, (body) => {
			t.throws(() => questionOf(body), OperatorError);
		}),
		{ numRuns: 300 },
	);
	const nearly = fc.record({
		kind: fc.constantFrom("open", "listen", "sources", "keep", "processes", "notify"),
		path: fc.oneof(fc.string(), fc.anything()),
		name: fc.anything(),
		text: fc.anything(),
	});
	fc.assert(
		fc.property(nearly, (body) => {
			try {
				const question = questionOf(body);
				if (question.kind === "listen") t.ok(question.path.startsWith("/"));
			} catch (error) {
				t.ok(error instanceof OperatorError);
			}
		}),
		{ numRuns: 300 },
	);
});
