// Files are mapped as a whole, and address space has an end: with 47 bits at 128 TiB, of which half is for files. Those that find no
// room are served all the same, and that is told, once.
import { readFileSync } from "node:fs";
import path from "node:path";
import t from "tap";
import { LIMIT_MS } from "../support/limit.js";
import { newDirectory, newFile } from "../support/mounts.js";
import { vbladeCommand } from "../support/paths.js";
import { Program } from "../support/process.js";
import { isAll, makeBench, named, openFile, read, write } from "./file-bench.js";

const PAGE = 4096;
const TIB = 1024 ** 4;
const FILES = 200;

const directory = newDirectory();
const files = Array.from({ length: FILES }, () => newFile(directory, TIB));

function mappings(): number {
	return readFileSync("/proc/self/maps", "utf8").split(`${directory}/`).length - 1;
}

t.test("200 thin disks of a terabyte", async (t) => {
	const all = makeBench(t);
	const unmapped = new Set<string>();
	const devices = files.map((file) => openFile(t, file, all, { onUnmapped: () => void unmapped.add(file) }));
	const mapped = mappings();
	t.ok(mapped > 0 && mapped < FILES, `${mapped} are mapped`);
	t.equal(unmapped.size, FILES - mapped, "all others are told");
	t.notOk(unmapped.has(files[0]!), "first come, first served");
	for (const i of [0, mapped - 1, mapped, FILES - 1]) {
		const device = devices[i]!;
		for (const offset of [0, TIB / 2, TIB - PAGE]) {
			t.equal(named(await write(device, offset, PAGE, i + 1)), "ok");
			t.ok(isAll((await read(device, offset, PAGE, true)).bytes, i + 1), `file ${i} at ${offset}`);
		}
	}
	await devices[0]!.close();
	const next = openFile(t, newFile(directory, TIB / 2), all, { onUnmapped: () => t.fail("unmapped") });
	t.equal(mappings(), mapped, "what one gives back another has");
	await next.close();
});

t.test("the log says so in one line", async (t) => {
	const socket = `unix:${path.join(directory, "socket")}`;
	const blades = files.flatMap((file, i) => ["9", `${i}`, socket, i % 2 === 0 ? file : "mem:1T"]);
	const vblade = new Program([...vbladeCommand(), ...blades]);
	t.teardown(() => vblade.stop("SIGKILL"));
	await vblade.waitFor(/e9\.199, \d+ sectors/, LIMIT_MS);
	await vblade.waitFor(/no address space is left/, LIMIT_MS);
	t.match(
		vblade.stderr,
		/^vblade: info: e9\.\d+: no address space is left to map \S+: it, and more like it, are served by a longer way\n$/,
	);
	t.match(await vblade.stop(), { code: 0 });
});
