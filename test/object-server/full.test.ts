/** A disk that is full: who puts something is told so, nothing half is left, and when there is room again it goes on. */

import { readdirSync, statSync } from "node:fs";
import path from "node:path";
import t from "tap";
import { inMounts, mountsMissing, mountTmpfs } from "../support/mounts.js";
import { Stage } from "./stage.js";

const MIB = 1024 * 1024;

if (await inMounts(import.meta.url))
	t.test("no room", { skip: mountsMissing }, async (t) => {
		const stage = new Stage(path.join(mountTmpfs(8 * MIB), "store"));
		await stage.start();
		await stage.ask("PUT", "/gold");
		await stage.ask("PUT", "/gold/head", { body: "one" });
		t.equal((await stage.ask("PUT", "/gold/a", { body: Buffer.alloc(5 * MIB) })).status, 200);
		const large = Buffer.alloc(4 * MIB, 1);
		for (const name of ["b", "head"]) {
			const { status, code } = await stage.ask("PUT", `/gold/${name}`, { body: large });
			t.equal(`${status} ${code}`, "507 InsufficientCapacity", name);
		}
		t.match(stage.warnings.at(-1), /no room is left \(ENOSPC\)/, "the operator is told");
		t.strictSame(readdirSync(path.join(stage.folder, "gold")).sort(), ["a", "head"]);
		t.strictSame(readdirSync(path.join(stage.folder, ".vblade-objects")), ["lock"]);
		t.equal((await stage.ask("GET", "/gold/head")).body.toString(), "one", "what was there still is");
		t.equal((await stage.ask("GET", "/gold/b")).code, "NoSuchKey");
		await stage.ask("DELETE", "/gold/a");
		t.equal((await stage.ask("PUT", "/gold/b", { body: large })).status, 200, "there is room again");
		t.ok(statSync(path.join(stage.folder, "gold/b")).size > 4 * MIB);
	});
