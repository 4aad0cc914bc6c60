// Volumes as the program serves them: made by commands, written by an initiator, and there after a kill and another start.
import path from "node:path";
import t from "tap";
import { volumeSnapshotCommand } from "../../lib/cli/pools/volume-changes.js";
import { scratchDirectory } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { builtVblade, PROJECT } from "../support/paths.js";
import { makePool, told, usedBytes } from "../support/pools.js";
import { Program, run } from "../support/process.js";

const VBLADE = [process.execPath, builtVblade(PROJECT)];
const directory = scratchDirectory();
const pool = path.join(directory, "pool");
const socket = `unix:${path.join(directory, "vm.sock")}`;

async function vblade(...args: string[]): Promise<string> {
	const { code, stdout, stderr } = await run([...VBLADE, ...args], LIMIT_MS);
	if (code !== 0) throw new Error(`vblade ${args.join(" ")}: ${stderr}`);
	return stdout;
}

t.test(
	"a volume is served, killed, and has what was acknowledged; a snapshot is a disk to read",
	async (t) => {
		await makePool(pool, "64M");
		const server = new Program([...VBLADE, "9", "0", socket, `pool:${pool}/web`]);
		await server.waitFor(/e9\.0, 131072 sectors O_RDWR/, LIMIT_MS);
		const busy = await run([...VBLADE, "volume", "show", `${pool}/web`], LIMIT_MS);
		t.match(busy, { code: 2, stderr: /: is in use by process \d+ \(.*pool:/ }, "trap 12");
		const other = await run(
			[...VBLADE, "9", "1", `unix:${directory}/other.sock`, `pool:${pool}/web`],
			LIMIT_MS,
		);
		t.match(other, { code: 2, stderr: /^vblade: \S+pool: is in use by process \d+ \(.*pool:/ }, "the same");
		await vblade(
			"bench",
			socket,
			"9",
			"0",
			"--write",
			"--sequential",
			"--size=4k",
			"--requests=1000",
			"--window=8",
		);
		await server.stop("SIGKILL");
		t.equal(await usedBytes(pool), 1000 * 4096, "each of a thousand pages that were acknowledged");
		await told(volumeSnapshotCommand, `${pool}/web@monday`);
		const again = new Program([
			...VBLADE,
			"9",
			"0",
			socket,
			`pool:${pool}/web`,
			"9",
			"1",
			socket,
			`pool:${pool}/web@monday`,
		]);
		await again.waitFor(/e9\.1, 131072 sectors O_RD/, LIMIT_MS);
		t.match(await vblade("discover", socket), /^e9\.0 .*\ne9\.1 /);
		await vblade("bench", socket, "9", "1", "--requests=100");
		t.strictSame(await again.stop(), { code: 0, signal: null });
		t.equal(again.stderr, "");
		const scratch = new Program([...VBLADE, "--scratch", "9", "1", socket, `pool:${pool}/web@monday`]);
		await scratch.waitFor(/e9\.1, 131072 sectors O_RDWR/, LIMIT_MS);
		await vblade("bench", socket, "9", "1", "--write", "--size=4k", "--requests=100");
		t.strictSame(await scratch.stop(), { code: 0, signal: null });
		t.equal(await usedBytes(pool), 1000 * 4096, "nothing of that is in the pool");
		const missing = await run([...VBLADE, "9", "0", socket, `pool:${pool}/gone`], LIMIT_MS);
		t.match(missing, { code: 2, stderr: /has no volume "gone"/ });
		const wrong = await run([...VBLADE, "9", "0", socket, "pool:web"], LIMIT_MS);
		t.match(wrong, { code: 2, stderr: /a volume is pool:PATH\/NAME/ });
	},
);
