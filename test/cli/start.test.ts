/**
 * What is loaded when the program starts: every module is time and memory that each server pays for. Counted, not timed; the
 * benchmark's row "start" has the time.
 */

import { readFileSync } from "node:fs";
import path from "node:path";
import t from "tap";
import { scratchDirectory } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { builtVblade, PROJECT } from "../support/paths.js";
import { Program } from "../support/process.js";

const VBLADE = [process.execPath, builtVblade(PROJECT)];
const directory = scratchDirectory();
const socket = `unix:${path.join(directory, "vm.sock")}`;
/** Files of our own for serving, into which the whole program is put together. One of them is what serving and pools share, one the log's library. */
const OWN_MAX = 12;
/** The addon, and its loader. What else every start loads is put together: it was two hundred files for a daemon. */
const PACKAGES_MAX = 2;

/** Writes down what Node is asked to import, in the thread in which it asks for that, and at the end what was required. */
function watcher(list: string): string {
	const write = `import { appendFileSync } from "node:fs"; const write = (text) => appendFileSync(${JSON.stringify(list)}, text + "\\n");`;
	const hooks = `${write} export const load = (url, context, next) => { write(url); return next(url, context); };`;
	const main = `${write} import { createRequire, register } from "node:module";
		register(${JSON.stringify(asModule(hooks))});
		const { cache } = createRequire(${JSON.stringify(`${PROJECT}/`)});
		process.on("exit", () => Object.keys(cache).forEach((file) => write("file://" + file)));`;
	return asModule(main);
}

function asModule(source: string): string {
	return `data:text/javascript,${encodeURIComponent(source)}`;
}

let runs = 0;

/** The modules that a vblade loads until it has ended, or until it serves. Paths from the top directory; no built-in ones. */
async function loadedBy(args: readonly string[], ready: RegExp, serves = false): Promise<string[]> {
	const list = path.join(directory, `loaded${runs++}`);
	const vblade = new Program([...VBLADE, ...args], { env: { NODE_OPTIONS: `--import "${watcher(list)}"` } });
	await vblade.waitFor(ready, LIMIT_MS);
	if (serves) await vblade.stop();
	else await vblade.finished(LIMIT_MS);
	const base = `file://${PROJECT}/`;
	const urls = readFileSync(list, "utf8").split("\n");
	return [...new Set(urls.filter((url) => url.startsWith(base)).map((url) => url.slice(base.length)))];
}

function packagesOf(files: readonly string[]): string[] {
	const names = files.map((file) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? "");
	return [...new Set(names)].filter((name) => name !== "");
}

/** What only some command lines need. */
function dearOf(files: readonly string[]): string[] {
	return packagesOf(files).filter((name) => ["yargs", "picomatch", "pcap"].includes(name));
}

t.test("a server loads what serving needs, and nothing else", async (t) => {
	const files = await loadedBy(["9", "0", socket, "mem:1M"], /sectors/, true);
	t.strictSame(dearOf(files), []);
	t.ok(packagesOf(files).length <= PACKAGES_MAX, `${packagesOf(files).length} packages`);
	const own = files.filter((file) => file.startsWith("build/bin/"));
	t.ok(
		own.some((file) => /bin\/serve-/.test(file)),
		"it is seen what is loaded",
	);
	t.ok(own.length <= OWN_MAX, `${own.length} files of our own, at most ${OWN_MAX}`);
	t.strictSame(
		own.filter((file) => /bin\/(bench|discover|usage)-/.test(file)),
		[],
		"no other command",
	);
});

t.test("nor does a mistake need more; a glob and help do", async (t) => {
	const wrong = await loadedBy(["9", "0", socket, "mem:1"], /is a number above 0/);
	t.strictSame(dearOf(wrong), []);
	const glob = await loadedBy(["9", "0", "no*such", "mem:1M"], /no interface matches/);
	t.strictSame(dearOf(glob), ["picomatch"]);
	for (const help of [["--help"], ["bench", "--help"]])
		t.ok(dearOf(await loadedBy(help, /Options/)).includes("yargs"), "it would be seen");
});
