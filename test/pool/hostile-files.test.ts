// A pool's directory that somebody has been in: links, pipes and directories in place of files, files that are too short, a second
// process. One line names the file, nothing hangs, and nothing is written to what does not belong to the pool.
import { execFileSync } from "node:child_process";
import {
	cpSync,
	mkdirSync,
	readdirSync,
	renameSync,
	rmSync,
	statSync,
	symlinkSync,
	truncateSync,
	writeFileSync,
} from "node:fs";
import path from "node:path";
import t from "tap";
import { OperatorError } from "../../lib/errors.js";
import { directoryWorld } from "../../lib/pool/directory.js";
import { Pool } from "../../lib/pool/pool.js";
import { makeBench } from "../block/file-bench.js";
import { LIMIT_MS } from "../support/limit.js";
import { newDirectory } from "../support/mounts.js";
import { makePool } from "../support/pools.js";

/** Puts something in place of a file. */
const PLACED: Readonly<Record<string, (file: string) => void>> = {
	"is a directory": (file) => mkdirSync(file),
	"is a pipe": (file) => execFileSync("mkfifo", [file], { timeout: LIMIT_MS }),
	"is a link to nothing": (file) => symlinkSync("nowhere", file),
	"is a link to a device": (file) => symlinkSync("/dev/zero", file),
	"is a link to itself": (file) => symlinkSync(path.basename(file), file),
	"is another file": (file) => writeFileSync(file, Buffer.alloc(8192, "text")),
	"is short": (file) => {
		cpSync(`${file}.away`, file);
		truncateSync(file, 4096);
	},
};

t.test("whatever is there in place of a file, it is named", async (t) => {
	const { engine, pump } = makeBench(t);
	const folder = newDirectory();
	await makePool(folder, "64M");
	const open = () => Pool.open(directoryWorld(folder, engine, pump));
	for (const name of ["head", "log.000000"])
		for (const [what, place] of Object.entries(PLACED)) {
			const file = path.join(folder, name);
			renameSync(file, `${file}.away`);
			place(file);
			const error = await open().then(
				(pool) => pool.close(),
				(error: unknown) => error,
			);
			t.ok(error instanceof OperatorError, `${name} ${what}`);
			t.match(String(error), `${file}: `, String(error));
			rmSync(file, { recursive: true });
			renameSync(`${file}.away`, file);
		}
	await (await open()).close();
});

t.test("what was begun to be made, and is none of the pool's, stays what it is", async (t) => {
	const { engine, pump } = makeBench(t);
	const folder = newDirectory();
	await makePool(folder, "64M");
	for (const name of ["log.000001.new", "log.0000001", "log.1", "lost+found"])
		mkdirSync(path.join(folder, name));
	const pool = await Pool.open(directoryWorld(folder, engine, pump));
	await pool.close();
	t.equal(readdirSync(folder).length, 6);
	t.equal(statSync(path.join(folder, "log.000000")).size, 64 * 2 ** 20);
});
