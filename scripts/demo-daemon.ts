/**
 * How the demo ends: the daemon, two disks from a configuration file, and the address of its page. Needs no privileges and no network
 * beyond this machine: initiators come over a Unix socket. Called by `demo.ts`.
 */

import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import path from "node:path";
import { scratchDirectory } from "../test/support/cleanup.js";
import { vbladeCommand } from "../test/support/paths.js";
import { Program, run } from "../test/support/process.js";

const START_LIMIT_MS = 30_000;
/** For somebody who looks at the page. */
const LOOK_LIMIT_MS = 10 * 60_000;

/** A port of this machine that is free now. */
export async function freePort(): Promise<number> {
	const server = createServer();
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	const address = server.address();
	await new Promise((resolve) => server.close(resolve));
	return typeof address === "object" && address !== null ? address.port : 0;
}

/** @param show prints lines of the story */
export async function showDaemon(show: (text: string) => void): Promise<void> {
	const folder = scratchDirectory();
	const file = (name: string): string => path.join(folder, name);
	const port = await freePort();
	const frames = `unix:${file("frames.sock")}`;
	writeFileSync(file("web.img"), new Uint8Array(1024 * 1024));
	const config = [
		`[daemon]\nstate = "${file("state")}"\n`,
		`[http]\nlisten = ["127.0.0.1:${port}"]\n`,
		`[disk.web]\nfile = "${file("web.img")}"\naoe = { address = "9.0", netif = ["${frames}"] }\n`,
		`[disk.scratch]\nmemory = "64M"\nlimit = { iops = 5000 }\naoe = { address = "9.1", netif = ["${frames}"] }\n`,
	].join("\n");
	writeFileSync(file("vblade.toml"), config);
	show(`$ cat vblade.toml\n${config}`);
	show("$ vblade daemon --config vblade.toml");
	const options = ["--config", file("vblade.toml"), "--socket", file("vblade.sock")];
	const daemon = new Program([...vbladeCommand(), "daemon", ...options]);
	const [ready] = await daemon.waitFor(/^vblade: ready: .*$/m, START_LIMIT_MS);
	show(ready);
	show(`$ vblade discover ${frames}`);
	const { code, output } = await run([...vbladeCommand(), "discover", frames], START_LIMIT_MS);
	if (code !== 0) throw new Error(output);
	show(output);
	console.log(`The page of this daemon: http://127.0.0.1:${port}/`);
	if (process.stdin.isTTY && process.stdout.isTTY) await enter();
	const ended = await daemon.stop("SIGTERM", START_LIMIT_MS);
	if (ended.code !== 0) throw new Error(`vblade daemon ended with status ${ended.code}:\n${daemon.output}`);
}

/** Waits for somebody at the terminal, but not for ever. */
async function enter(): Promise<void> {
	console.log("Enter ends the demo.");
	await new Promise<void>((resolve) => {
		const limit = setTimeout(resolve, LOOK_LIMIT_MS);
		process.stdin.once("data", () => {
			clearTimeout(limit);
			resolve();
		});
	});
	process.stdin.pause();
}
