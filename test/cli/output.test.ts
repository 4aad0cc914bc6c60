/** What commands print reaches whoever reads, however late and however much it is; one who goes away is no failure. */

import { writeFileSync } from "node:fs";
import path from "node:path";
import t from "tap";
import { scratchDirectory } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { builtVblade, PROJECT } from "../support/paths.js";
import { Program } from "../support/process.js";

/** As JSON several times what a pipe takes. */
const DISKS = 1500;

const file = path.join(scratchDirectory(), "many.toml");
const disks = Array.from({ length: DISKS }, (_, at) => `[disk.disk${at}]\nmemory = "1M"\n`);
writeFileSync(file, disks.join(""));

/** `reader` has what `vblade check --json` prints; then comes the status of that. */
async function readBy(reader: string): Promise<string> {
	const script = `"$@" | ${reader}; echo "status \${PIPESTATUS[0]}"`;
	const vblade = [process.execPath, builtVblade(PROJECT), "check", "--json", file];
	const program = new Program(["bash", "-c", script, "bash", ...vblade]);
	await program.finished(LIMIT_MS);
	return program.stdout;
}

t.test("all of it, to a reader who begins late", async (t) => {
	const [json, status] = (await readBy("{ sleep 1; cat; }")).split(/^status /m);
	t.equal(status, "0\n");
	t.equal(JSON.parse(json ?? "").disks.length, DISKS);
});

t.test("a reader who has seen enough", async (t) => {
	t.equal(await readBy("head -c 1"), "{status 0\n");
});

t.test("a file that has no room for it", async (t) => {
	const script = `"$@" >/dev/full; echo "status $?"`;
	const vblade = [process.execPath, builtVblade(PROJECT), "check", "--json", file];
	const program = new Program(["bash", "-c", script, "bash", ...vblade]);
	await program.finished(LIMIT_MS);
	t.equal(program.stdout, "status 1\n");
	t.equal(program.stderr, "vblade: standard output can't be written\n");
});
