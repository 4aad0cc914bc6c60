/**
 * A scene of the demo: a mirror of a file here and of a disk that another server has, over NBD. The server is killed in the middle, the mirror goes
 * on without it, and gives the disk what it lacks when the server is back. Needs no privileges: NBD goes over this machine's own network, AoE over a Unix socket. Called by
 * `demo.ts`.
 */

import { truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Initiator } from "../lib/client/initiator.js";
import type { RemoteDisk } from "../lib/client/remote-disk.js";
import { UnixLink } from "../lib/link/unix.js";
import { Pump } from "../lib/pump.js";
import { scratchDirectory, until } from "../test/support/cleanup.js";
import { vbladeCommand } from "../test/support/paths.js";
import { Program, run } from "../test/support/process.js";
import { freePort } from "./demo-daemon.js";

const LIMIT_MS = 30_000;
const SIZE_BYTES = 65 * 1024 * 1024;
const SECTOR_BYTES = 512;

/** @param show prints lines of the story */
export async function showMirror(show: (text: string) => void): Promise<void> {
	const folder = scratchDirectory();
	const file = (name: string): string => path.join(folder, name);
	for (const name of ["here.img", "far.img"]) {
		writeFileSync(file(name), "");
		truncateSync(file(name), SIZE_BYTES);
	}
	const far = `127.0.0.1:${await freePort()}`;
	const config = [
		`[daemon]\nstate = "${file("state")}"\n`,
		`[disk.here]\nfile = "${file("here.img")}"\n`,
		`[disk.far]\nremote = "nbd://${far}/"\ninterval = "1s"\nresend = 2\n`,
		`[disk.safe]\nmirror = ["here", "far"]\naoe = { address = "9.0", netif = ["unix:${file("frames.sock")}"] }\n`,
	].join("\n");
	writeFileSync(file("vblade.toml"), config);
	let server = await serveFar(far, file("far.img"), show);
	show(`$ cat vblade.toml\n${config}`);
	const socket = ["--socket", file("vblade.sock")];
	const command = [...vbladeCommand(), "daemon", "--config", file("vblade.toml"), ...socket];
	const daemon = new Program(command);
	await daemon.waitFor(/^vblade: ready: .*$/m, LIMIT_MS);
	const ask = async (...words: string[]): Promise<string> => {
		const { code, output } = await run([...vbladeCommand(), ...words, ...socket], LIMIT_MS);
		if (code !== 0) throw new Error(`vblade ${words.join(" ")}: ${output}`);
		return output;
	};
	const stands = async (words: RegExp): Promise<void> => {
		let told = "";
		const isSo = async (): Promise<boolean> => {
			told = await ask("disk", "show", "safe");
			return words.test(told);
		};
		await until(`disk safe is as it should be: ${words}`, isSo, LIMIT_MS);
		const mirrored = told.split("\n").filter((line) => line.startsWith("mirrored on"));
		show(`$ vblade disk show safe\n${mirrored.join("\n")}`);
	};
	await stands(/disk here: in sync.*\n.*disk far: in sync/);

	const link = await UnixLink.connect(file("frames.sock"), { pump: new Pump(), framesInFlight: 16 });
	const initiator = new Initiator(link);
	const disk = await initiator.open(9, 0);
	await hooray(disk, 0, show);
	show("the server of disk far is killed");
	await server.stop("SIGKILL");
	await hooray(disk, 4096, show);
	await stands(/disk far: behind/);
	server = await serveFar(far, file("far.img"), show);
	await stands(/disk far: in sync/);
	show(`$ vblade disk verify safe\n${await ask("disk", "verify", "safe")}`);

	initiator.close();
	await link.close();
	const ended = await daemon.stop("SIGTERM", LIMIT_MS);
	if (ended.code !== 0) throw new Error(`vblade daemon ended with status ${ended.code}:\n${daemon.output}`);
	await server.stop("SIGTERM", LIMIT_MS);
}

async function serveFar(address: string, image: string, show: (text: string) => void): Promise<Program> {
	const words = ["nbd", address, image];
	show(`$ vblade ${words.join(" ")}`);
	const server = new Program([...vbladeCommand(), ...words]);
	await server.waitFor(/ sectors /, LIMIT_MS);
	return server;
}

async function hooray(disk: RemoteDisk, lba: number, show: (text: string) => void): Promise<void> {
	const sector = new Uint8Array(SECTOR_BYTES);
	new TextEncoder().encodeInto("hooray", sector);
	await disk.write(lba, sector);
	await disk.flush();
	const text = new TextDecoder().decode((await disk.read(lba, 1)).subarray(0, 6));
	show(`wrote "hooray" to sector ${lba} of the mirror, and read "${text}"`);
	if (text !== "hooray") throw new Error("that is not what was written");
}
