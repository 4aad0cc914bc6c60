// A volume by the path of its pool on the command line: as it is, and by its snapshots and moments, which can only be read; and what it was,
// for clients who ask for that.

import path from "node:path";
import t, { type Test } from "tap";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { vbladeCommand } from "../support/paths.js";
import { Program, run } from "../support/process.js";
import { programsMissing } from "../support/programs.js";

const folder = t.testdir();
const pool = path.join(folder, "pool");
const socket = path.join(folder, "nbd.sock");

async function done(...command: string[]): Promise<string> {
	const { code, output } = await run(command, LIMIT_MS);
	if (code !== 0) throw new Error(`${command.join(" ")}: ${code}: ${output}`);
	return output;
}

const vblade = (...argv: string[]): Promise<string> => done(...vbladeCommand(), ...argv);

async function serving(t: Test, volume: string, use: () => Promise<void>): Promise<void> {
	const program = new Program([...vbladeCommand(), "nbd", `unix:${socket}`, `pool:${pool}/${volume}`]);
	t.teardown(async () => void (await program.stop()));
	await program.waitFor(/ sectors /, LIMIT_MS);
	await use();
	t.equal((await program.stop()).code, 0);
}

const uri = (name = ""): string => `nbd+unix:///${encodeURIComponent(name)}?socket=${socket}`;
const io = (name: string, command: string, ...how: string[]): Promise<string> =>
	done("qemu-io", "-f", "raw", ...how, "-c", command, uri(name));

async function volumes(t: Test): Promise<void> {
	await vblade("pool", "create", pool);
	await vblade("volume", "create", `${pool}/web`, "16M");
	await serving(t, "web", async () => void (await io("", "write -P 1 0 64k")));
	await vblade("volume", "snapshot", `${pool}/web@one`);
	const between = new Date().toISOString();
	await serving(t, "web", async () => {
		await io("", "write -P 2 0 64k");
		t.notMatch(await io("", "read -P 2 0 64k"), /verification failed/);
		t.notMatch(await io("@one", "read -P 1 0 64k", "-r"), /verification failed/, "by its snapshot");
		t.notMatch(await io(`@${between}`, "read -P 1 0 64k", "-r"), /verification failed/, "by a moment");
	});
	for (const past of ["one", between, "-0s"])
		await serving(t, `web@${past}`, async () => {
			const byte = past === "-0s" ? 2 : 1;
			t.notMatch(await io("", `read -P ${byte} 0 64k`, "-r"), /verification failed/, past);
			t.match(await done("nbdinfo", uri()), /is_read_only: true/);
		});
}

const skip = programsMissing("qemu-io", "nbdinfo");
if (skip !== undefined) t.pass("not run", { skip });
else if (await inNamespace(import.meta.url)) {
	await t.test("by the path of a pool", volumes);
}
