// What `vblade doctor` says of pools that the configuration names, or a server has open.
import { cpSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import t from "tap";
import { poolCreateCommand } from "../../lib/cli/pools/pool.js";
import { Machine } from "../../lib/doctor/machine.js";
import { pools } from "../../lib/doctor/pools.js";
import type { Server } from "../../lib/doctor/servers.js";
import { newDirectory } from "../support/mounts.js";
import { told } from "../support/pools.js";

t.test("a pool that is there, damaged, copied, incomplete, or none", async (t) => {
	const [root, folder] = [newDirectory(), newDirectory()];
	const [good, copy, none] = ["good", "copy", "none"].map((name) => path.join(folder, name)) as [
		string,
		string,
		string,
	];
	await told(poolCreateCommand, good);
	cpSync(good, copy, { recursive: true });
	mkdirSync(path.join(root, "etc/vblade/conf.d"), { recursive: true });
	writeFileSync(path.join(root, "etc/vblade/vblade.toml"), `[pool.fast]\npath = "${copy}"\n`);
	writeFileSync(path.join(root, "etc/vblade/conf.d/more.toml"), `[pool.none]\npath = "${none}"\n`);
	const files = [{ name: `${good}/head`, path: "/proc/1/fd/3" }];
	const server: Server = { pid: 1, words: [], blades: [], openFiles: 1, openFilesMax: 1, files };
	const look = async () => {
		const context = {
			machine: new Machine(root),
			interfaces: [],
			daemon: undefined,
			servers: [server],
			peer: undefined,
		};
		const found = await pools.run(context);
		// How much room there is here is not the test's.
		return found
			.filter(({ what }) => !/the file system of/.test(what))
			.map(({ level, what }) => `${level} ${what}`);
	};
	const isCopy = `fault the pool ${copy} is a copy of one that was made somewhere else`;
	const isNone = `fault the pool ${none}: there is no such directory`;
	const rest = [isCopy, isNone];
	const isGood = (found: string[]) => found.filter((line) => !/^ok the pool .*room to go on$/.test(line));
	t.strictSame(isGood(await look()), rest);
	const damaged = Buffer.alloc(4096);
	writeFileSync(path.join(good, "head"), damaged, { flag: "r+" });
	t.strictSame(await look(), [
		...rest,
		`warn one of the two copies of the head of the pool ${good} is damaged`,
	]);
	writeFileSync(path.join(good, "head"), Buffer.alloc(8192), { flag: "r+" });
	t.strictSame(await look(), [
		...rest,
		`fault the pool ${good}/head: no head of a pool, or both of its copies are damaged`,
	]);
	rmSync(good, { recursive: true });
	await told(poolCreateCommand, good);
	renameSync(path.join(good, "log.000000"), path.join(good, "log.000001"));
	t.strictSame(await look(), [...rest, `fault ${good}/log.000000 is missing`]);
	rmSync(path.join(good, "head"));
	t.strictSame(await look(), [...rest, `fault the pool ${good}: is no pool`]);
});
