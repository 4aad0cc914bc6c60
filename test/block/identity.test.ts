// A disk is the same one wherever it is served and whatever its storage is called: serial number and world wide name follow
// from the storage. The real program on a unix socket, asked by our initiator; loop devices where there can be some.
import { mkdirSync, renameSync, symlinkSync } from "node:fs";
import path from "node:path";
import t, { type Test } from "tap";
import { Initiator } from "../../lib/client/initiator.js";
import { UnixLink } from "../../lib/link/unix.js";
import { Pump } from "../../lib/pump.js";
import { LIMIT_MS } from "../support/limit.js";
import { canMount, inMounts, loopDevice, newDirectory, newFile } from "../support/mounts.js";
import { vbladeCommand } from "../support/paths.js";
import { Program } from "../support/process.js";

const MIB = 1024 * 1024;

/** Who the blades at these addresses, served for the time of the question, say they are: serial number and name. */
async function identities(
	t: Test,
	blades: readonly [string, string, string][],
	...options: string[]
): Promise<string[]> {
	const socket = path.join(newDirectory(), "vm.sock");
	const blade = ([shelf, slot, file]: (typeof blades)[number]) => [shelf, slot, `unix:${socket}`, file];
	const vblade = new Program([...vbladeCommand(), ...options, ...blades.flatMap(blade)]);
	t.teardown(() => vblade.stop("SIGKILL"));
	const [lastShelf, lastSlot] = blades.at(-1) ?? [];
	await vblade.waitFor(new RegExp(`e${lastShelf}\\.${lastSlot}, `), LIMIT_MS);
	const link = await UnixLink.connect(socket, { pump: new Pump(), log: () => {}, framesInFlight: 4 });
	const initiator = new Initiator(link, { deadlineMs: LIMIT_MS });
	const found: string[] = [];
	for (const [shelf, slot] of blades) {
		const { serial, wwn } = (await initiator.open(Number(shelf), Number(slot))).identity;
		found.push(`${serial} ${wwn.toString(16)}`);
	}
	initiator.close();
	await link.close();
	await vblade.stop();
	return found;
}

function files(): void {
	t.test(
		"a file is the same disk at another address, under another link to it, at the next start",
		async (t) => {
			const directory = newDirectory();
			const file = newFile(directory, MIB);
			const link = path.join(directory, "link");
			symlinkSync(file, link);
			const same = [
				...(await identities(
					t,
					[
						["9", "0", file],
						["9", "1", file],
						["10", "0", link],
					],
					"-r",
				)),
				...(await identities(t, [["9", "0", link]])),
			];
			t.equal(new Set(same).size, 1, same.join(", "));
			t.match(same[0], /^[0-9a-f]{20} 3[0-9a-f]{15}$/);
			const moved = path.join(directory, "moved");
			mkdirSync(moved);
			const others = [
				...(await identities(t, [
					["9", "0", newFile(directory, MIB)],
					["9", "1", "mem:1M"],
					["9", "2", "mem:1M"],
				])),
				...(await identities(t, [["9", "1", "mem:1M"]])),
				...(await identities(t, [["9", "0", file]], "-o", "8")),
				...(await identities(t, [["9", "0", file]], "-o", "16")),
			];
			renameSync(file, path.join(moved, "image"));
			others.push(...(await identities(t, [["9", "0", path.join(moved, "image")]])));
			t.equal(new Set([...others, ...same]).size, 8, "every other storage, slice and memory is another disk");
		},
	);
}

function devices(): void {
	t.test(
		"a block device is known by what it is, not by its number",
		{ skip: !canMount && "needs root" },
		async (t) => {
			const file = newFile(newDirectory(), MIB);
			const first = loopDevice(file, 512);
			const before = await identities(t, [["9", "0", first.path]]);
			// Its number goes to another file, and it has another one.
			first.release();
			const other = loopDevice(newFile(newDirectory(), MIB), 512);
			const again = loopDevice(file, 512);
			t.strictSame(await identities(t, [["3", "7", again.path]]), before, `${first.path}, ${again.path}`);
			t.notSame(await identities(t, [["9", "0", other.path]]), before, `${first.path}, ${other.path}`);
			other.release();
			again.release();
		},
	);
}

if (canMount || (await inMounts(import.meta.url))) {
	files();
	devices();
}
