/** Names of files and what they lead to, found without opening any. Mirrors lib/block/looks.ts. */

import { linkSync, symlinkSync } from "node:fs";
import path from "node:path";
import t from "tap";
import { Looks } from "../../lib/block/looks.js";
import { Errno, native } from "../../lib/native.js";

t.test("all names of a file have one identity, and others have another", async (t) => {
	const folder = t.testdir({ "a.img": "", "b.img": "", sub: {} });
	const at = (name: string): string => path.join(folder, name);
	linkSync(at("a.img"), at("sub/hard"));
	symlinkSync("../a.img", at("sub/soft"));
	symlinkSync("nowhere", at("dangling"));
	const names = ["a.img", "b.img", "sub/hard", "sub/soft", "sub", "dangling"].map(at);
	const found = await new Looks().look(names, 10_000);
	const [a, b, hard, soft, sub, dangling] = names.map((name) => found.get(name));
	t.match(a, { kind: "storage", identity: /^file [0-9a-f]+:[0-9a-f]+$/ });
	t.strictSame([hard, soft], [a, a]);
	t.notSame(b, a);
	t.strictSame(sub, { kind: "other" });
	t.strictSame(dangling, { kind: "missing", errno: Errno.ENOENT });
});

t.test("what does not answer keeps nobody waiting, and is not asked again meanwhile", async (t) => {
	const { fileLook } = native;
	t.teardown(() => Object.assign(native, { fileLook }));
	const asked: string[] = [];
	let answer: (words: string[]) => void = () => {};
	const hangs = (list: Uint8Array): Promise<string[]> => {
		const paths = Buffer.from(list).toString().split("\0").slice(0, -1);
		asked.push(...paths);
		return paths[0]?.startsWith("/hung/")
			? new Promise((resolve) => {
					answer = resolve;
				})
			: Promise.resolve(paths.map(() => "block 1"));
	};
	Object.assign(native, { fileLook: hangs });
	const looks = new Looks();
	const paths = ["/dev/a", "/hung/b", "/dev/c", "/dev/a"];
	const block = { kind: "storage", identity: "block 1" };
	const quick = [
		["/dev/a", block],
		["/dev/c", block],
	];
	t.strictSame([...(await looks.look(paths, 10))], quick);
	t.strictSame([...(await looks.look(paths, 10))], quick);
	t.strictSame(asked, ["/dev/a", "/dev/c", "/hung/b", "/dev/a", "/dev/c"]);
	answer(["other"]);
	await new Promise((resolve) => setImmediate(resolve));
	const again = looks.look(["/hung/b"], 10_000);
	answer(["-2"]);
	t.strictSame([...(await again)], [["/hung/b", { kind: "missing", errno: 2 }]]);
});
