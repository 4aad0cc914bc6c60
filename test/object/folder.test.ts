/** What a store in a directory makes of files that are not as it left them. */

import { readdirSync, readFileSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import t from "tap";
import { ObjectError } from "../../lib/object/errors.js";
import { FolderObjects } from "../../lib/object/folder.js";
import { Objects } from "../../lib/object/objects.js";
import { scratchDirectory } from "../support/cleanup.js";

const scratch = scratchDirectory();
const LIMITS = { firstPauseMs: 1, mostPauseMs: 2, attempts: 2 };

function kindOf(promise: Promise<unknown>): Promise<unknown> {
	return promise.catch((error: unknown) => (error instanceof ObjectError ? error.kind : error));
}

async function opened(name: string): Promise<{ folder: string; store: Objects }> {
	const folder = path.join(scratch, name);
	const store = new Objects(new FolderObjects(folder), { limits: LIMITS });
	await store.open();
	return { folder, store };
}

t.test("files that are damaged are told from those that are right", async (t) => {
	const { folder, store } = await opened("damaged");
	for (const name of ["bit", "cut", "short"]) await store.put(name, Buffer.alloc(1000, 1));
	const bit = path.join(folder, "bit");
	writeFileSync(bit, readFileSync(bit).fill(2, 500, 501));
	truncateSync(path.join(folder, "cut"), 900);
	truncateSync(path.join(folder, "short"), 3);
	for (const name of ["bit", "cut", "short"]) t.equal(await kindOf(store.get(name)), "damaged", name);
	t.equal(
		await kindOf(store.put("bit", Buffer.alloc(1000, 1))),
		"damaged",
		"nor is it the same as what it was",
	);
});

t.test("files that were half written are none, and go when they are old", async (t) => {
	const { folder, store } = await opened("halves");
	await store.put("whole", Buffer.from("bytes"));
	t.strictSame(readdirSync(folder), ["whole"], "nothing is left of how it was written");
	for (const name of ["half new", "half old"]) writeFileSync(path.join(folder, name), "half");
	utimesSync(path.join(folder, "half old"), 0, 0);
	await store.open();
	t.strictSame(readdirSync(folder).sort(), ["half new", "whole"]);
	t.strictSame((await store.list()).names, ["whole"], "nor are they listed");
});

t.test("a directory that is gone is no absent object, and none is made anew for one", async (t) => {
	const store = new Objects(new FolderObjects(path.join(scratch, "never")), { limits: LIMITS });
	t.equal(await kindOf(store.get("a")), "refused", "get");
	t.equal(await kindOf(store.put("a", Buffer.from(""))), "refused", "put");
	writeFileSync(path.join(scratch, "file"), "");
	const onFile = new Objects(new FolderObjects(path.join(scratch, "file", "store")), { limits: LIMITS });
	t.equal(await kindOf(onFile.open()), "refused", "a file is no directory");
});
