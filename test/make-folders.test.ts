// Folders are made with all those above them, or it is told why not: also where the kernel says ENOENT for ever.

import { statSync, writeFileSync } from "node:fs";
import path from "node:path";
import t from "tap";
import { makeFolders } from "../lib/make-folders.js";
import { newDirectory } from "./support/mounts.js";

t.test("one, several, and those that are there", async (t) => {
	const directory = newDirectory();
	const deep = path.join(directory, "a", "b", "c");
	for (let time = 0; time < 2; time++) await makeFolders(deep, 0o700);
	t.equal(statSync(deep).mode & 0o777, 0o700);
	await makeFolders(path.join(directory, "a", "d", ".."), 0o700);
	await makeFolders("/", 0o700);
});

t.test("where none can be made", async (t) => {
	await t.rejects(makeFolders("/proc/none", 0o700), { code: "ENOENT" });
	await t.rejects(makeFolders("/proc/none/below", 0o700), { code: "ENOENT" });
	const file = path.join(newDirectory(), "file");
	writeFileSync(file, "");
	await t.rejects(makeFolders(file, 0o700), { code: "EEXIST" });
	await t.rejects(makeFolders(path.join(file, "below"), 0o700), { code: "ENOTDIR" });
});
