// A disk of a pool is lost for good: the pool waits for it, and is opened without it where that is configured. What lay there is told by volume and
// range, all else is read, written and kept, and when the disk is given up the pool is whole again, with what is left.
import { rmSync } from "node:fs";
import t from "tap";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { vbladeCommand } from "../support/paths.js";
import { run } from "../support/process.js";
import { DaemonTree } from "./tree-bench.js";

const MIB = 1024 * 1024;
const FAILED = /fail|error/i;
/** The first two have room for one file of the log each, which 124 MiB fill, and the third one for more. */
const DISKS = ["a", "b", "c"] as const;
const LOST = "b";
/** What is written to each volume, in MiB, when the pool has one disk more. */
const STEPS = [12, 35, 62] as const;
const WRITTEN = 62;
const VOLUMES = ["first", "second"] as const;

interface Told {
	readonly volume: string;
	readonly from: number;
	readonly to: number;
}

/** Ranges that a scrub has named. */
function rangesIn(text: string): Told[] {
	const found = text.matchAll(/far\/([a-z]+), byte (\d+): (\d+) bytes can't be read/g);
	return [...found].map(([, volume = "", from, length]) => ({
		...{ volume, from: Number(from), to: Number(from) + Number(length) },
	}));
}

if (await inNamespace(import.meta.url)) {
	const tree = new DaemonTree();
	const near = tree.path("nbd.sock");
	const files = new Map(
		DISKS.map((name) => [name, tree.file(`${name}.img`, (name === "c" ? 201 : 73) * MIB)]),
	);
	const configure = (disks: readonly string[], isPartial: boolean): void =>
		tree.configure(
			[
				`[nbd]\nlisten = ["unix:${near}"]\n[pool.far]\ndisks = ${JSON.stringify(disks)}\npartial = ${isPartial}\n`,
				...VOLUMES.map((name) => `[disk.${name}]\nvolume = "far/${name}"\n[disk.${name}.nbd]\n`),
				...[...files].map(([name, file]) => `[disk.${name}]\nfile = "${file}"\n`),
			].join("\n"),
		);
	configure(DISKS.slice(0, 1), false);
	await tree.start();
	t.teardown(() => tree.stop());
	const say = async (...words: string[]): Promise<{ code: number | null; output: string }> =>
		run([...vbladeCommand(), ...words, "--socket", tree.socket], LIMIT_MS);
	const io = async (volume: string, ...commands: string[]): Promise<string> => {
		const words = commands.flatMap((command) => ["-c", command]);
		const where = `nbd+unix:///${volume}?socket=${near}`;
		return (await run(["qemu-io", "-f", "raw", ...words, where], LIMIT_MS)).output;
	};
	type Part = { readonly disk: string; readonly state: string; readonly usedBytes: number };
	const parts = async (): Promise<readonly Part[]> =>
		((await tree.ask("GET", "/api/v1/pools/far")).body.disks ?? []) as readonly Part[];
	let lost: readonly Told[] = [];

	t.test("volumes have pages on all of its disks", async (t) => {
		await tree.state("a", "open");
		t.equal((await say("pool", "create", "far")).code, 0);
		for (const name of VOLUMES) t.equal((await say("volume", "create", `far/${name}`, "64M")).code, 0);
		let before = 0;
		for (const [i, mib] of STEPS.entries()) {
			configure(DISKS.slice(0, i + 1), false);
			t.ok(await tree.reload());
			await until("it has one disk more", async () => (await parts()).length === i + 1, LIMIT_MS);
			for (const name of VOLUMES) {
				await tree.state(name, "open");
				t.notMatch(await io(name, `write -P 7 ${before}M ${mib - before}M`, "flush"), FAILED);
			}
			before = mib;
		}
		// (What has to be read to open it, where the log ends, is on the last one.)
		for (const name of VOLUMES) t.notMatch(await io(name, "write -P 7 0 8M", "flush"), FAILED);
		t.ok((await parts()).every(({ usedBytes }) => usedBytes > 0));
		t.equal((await say("pool", "scrub", "far")).code, 0);
		await tree.stop();
	});

	t.test("without one of them it is not opened, unless that is wanted", async (t) => {
		rmSync(files.get(LOST)!);
		await tree.start();
		const missing = async (): Promise<boolean> =>
			/what is on disk "b" is missing/.test(
				String((await tree.ask("GET", "/api/v1/disks/first")).body.reason),
			);
		await until("it is told what is missing", missing, LIMIT_MS);
		configure(DISKS, true);
		t.ok(await tree.reload());
		for (const name of VOLUMES) await tree.state(name, "open");
		t.match(await parts(), [{}, { disk: LOST, state: "missing" }, {}]);
	});

	t.test("what lay there is told by volume and range, and all else is there", async (t) => {
		const { code, output } = await say("pool", "scrub", "far");
		t.equal(code, 1);
		lost = rangesIn(output);
		t.ok(lost.length > 0, output);
		const lostBytes = lost.reduce((sum, { from, to }) => sum + to - from, 0);
		t.ok(lostBytes > 0 && lostBytes <= 64 * MIB, `${lostBytes} bytes, of a file of the log`);
		for (const name of VOLUMES) {
			let at = 0;
			const its = lost.filter(({ volume }) => volume === name);
			for (const { from, to } of [...its, { from: WRITTEN * MIB, to: WRITTEN * MIB }]) {
				if (from > at) t.notMatch(await io(name, `read -P 7 ${at} ${from - at}`), FAILED);
				if (to > from) t.match(await io(name, `read ${from} 4k`, `read ${to - 4096} 4k`), FAILED);
				at = to;
			}
		}
	});

	t.test("it takes writes, also where something was lost, and gives the disk up", async (t) => {
		const [one] = lost;
		t.notMatch(await io(one!.volume, `write -P 9 ${one!.from} 1M`, "flush"), FAILED);
		t.notMatch(await io(one!.volume, `read -P 9 ${one!.from} 1M`), FAILED);
		const { code, output } = await say("pool", "remove", "--force", "far", LOST);
		t.equal(code, 0, output);
		await until("it is given up", async () => (await parts()).every(({ disk }) => disk !== LOST), LIMIT_MS);
		configure(
			DISKS.filter((name) => name !== LOST),
			false,
		);
		t.ok(await tree.reload());
		await tree.stop();
		await tree.start();
		for (const name of VOLUMES) await tree.state(name, "open");
		t.notMatch(await io(one!.volume, `read -P 9 ${one!.from} 1M`), FAILED);
	});
}
