// Several servers of one file, each for a part of it (`-o` and `-l`): they may be side by side where the parts do not touch, in
// one process or in several; who has all of a file has it alone; and so it is beside programs that know only locks on files.

import { execFileSync } from "node:child_process";
import { truncateSync } from "node:fs";
import t, { type Test } from "tap";
import { until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { inMounts, loopDevice, mountsMissing, newDirectory, newFile } from "../support/mounts.js";
import { vbladeCommand } from "../support/paths.js";
import { Program, run } from "../support/process.js";
import { isAll, makeBench, named, openStack, read, type StackOptions, write } from "./file-bench.js";

const SECTOR = 512;
const MIB = 1024 * 1024;
const SECTORS = MIB / SECTOR;
const IN_USE = { name: "OperatorError", message: /in use (by another vblade|on this machine)/ };

type Part = Partial<Pick<StackOptions, "offsetSectors" | "lengthSectors" | "readOnly" | "direct">>;

/** What may be beside each other, and what may not. */
const PAIRS: readonly (readonly [string, Part, Part, "served" | "refused"])[] = [
	["next to each other", { lengthSectors: 8 }, { offsetSectors: 8, lengthSectors: 8 }, "served"],
	["one in the other", { lengthSectors: 16 }, { offsetSectors: 8, lengthSectors: 1 }, "refused"],
	["with one sector in common", { lengthSectors: 9 }, { offsetSectors: 8 }, "refused"],
	["the same", { offsetSectors: 8, lengthSectors: 8 }, { offsetSectors: 8, lengthSectors: 8 }, "refused"],
	["two up to the end", { offsetSectors: 8 }, { offsetSectors: 16 }, "refused"],
	["a part beside all of it", {}, { offsetSectors: 8 }, "refused"],
	["all beside a part", { offsetSectors: 8 }, {}, "refused"],
	["all beside a part that is read", { offsetSectors: 8, readOnly: true }, {}, "refused"],
	["a reader of all beside a part", { offsetSectors: 8 }, { readOnly: true }, "refused"],
	["a part beside a reader of all", { readOnly: true }, { offsetSectors: 8 }, "refused"],
	["a reader beside a part", { lengthSectors: 8 }, { offsetSectors: 8, readOnly: true }, "served"],
	["a part beside a reader", { offsetSectors: 8, readOnly: true }, { lengthSectors: 8 }, "served"],
	["a reader in a part", { lengthSectors: 8 }, { lengthSectors: 1, readOnly: true }, "refused"],
	["a part over a reader", { lengthSectors: 1, readOnly: true }, { lengthSectors: 8 }, "refused"],
	[
		"two readers of the same",
		{ lengthSectors: 8, readOnly: true },
		{ lengthSectors: 8, readOnly: true },
		"served",
	],
];

function inOneProcess(t: Test): void {
	const media = [{ name: "a file", make: () => ({ path: newFile(newDirectory(), MIB), release: () => {} }) }];
	if (mountsMissing === false)
		media.push({ name: "a block device", make: () => loopDevice(newFile(newDirectory(), MIB), SECTOR) });
	for (const { name, make } of media)
		t.test(`parts of ${name}`, async (t) => {
			const all = makeBench(t);
			// A refusal takes a while: on the second medium some of them do.
			for (const [how, one, other, wanted] of name === "a file" ? PAIRS : PAIRS.slice(0, 7)) {
				const { path, release } = make();
				const first = openStack(path, all, one);
				const second = () => openStack(path, all, other);
				// A device that is written by one server may be read by others, even mounted.
				if (wanted === "served") await second().close();
				else t.throws(second, IN_USE, how);
				await first.close();
				await second().close();
				t.pass(`${how}: ${wanted}, and served when the other has gone`);
				release();
			}
		});

	t.test("each has its own bytes", async (t) => {
		const all = makeBench(t);
		const file = newFile(newDirectory(), MIB);
		const parts = [0, 8, 16].map((offsetSectors, i) =>
			openStack(file, all, { offsetSectors, lengthSectors: i < 2 ? 8 : undefined }),
		);
		for (const [i, part] of parts.entries())
			t.equal(named(await write(part, 0, part.info.sizeBytes, i + 1)), "ok");
		for (const [i, part] of parts.entries())
			t.ok(isAll((await read(part, 0, part.info.sizeBytes)).bytes, i + 1));
		const [, , last] = parts;
		truncateSync(file, 2 * MIB);
		await until("the growth", () => last?.info.sizeBytes === 2 * MIB - 16 * SECTOR, LIMIT_MS);
		const behind = () => openStack(file, all, { offsetSectors: SECTORS, lengthSectors: 8 });
		t.throws(behind, IN_USE, "what a part has grown to is locked as well");
		for (const part of parts) await part.close();
	});

	t.test("direct I/O takes the whole blocks around a part", { skip: mountsMissing }, async (t) => {
		const all = makeBench(t);
		const { path, release } = loopDevice(newFile(newDirectory(), MIB), 4096);
		const first = openStack(path, all, { lengthSectors: 9, direct: true });
		t.throws(() => openStack(path, all, { offsetSectors: 9, direct: true }), IN_USE);
		t.throws(() => openStack(path, all, { offsetSectors: 9 }), IN_USE, "whatever the other does");
		await openStack(path, all, { offsetSectors: 16, direct: true }).close();
		await first.close();
		release();
	});

	t.test("an offset that no file has", async (t) => {
		const all = makeBench(t);
		const file = newFile(newDirectory(), MIB);
		const huge = Number.MAX_SAFE_INTEGER;
		t.throws(() => openStack(file, all, { offsetSectors: huge }), { message: /it may be at most 2047$/ });
		t.throws(() => openStack(file, all, { lengthSectors: huge }), { message: /it may be at most 2048$/ });
		await openStack(file, all).close();
	});
}

/** A program that holds a lock on a file, as vblade did before it locked parts. */
async function holder(t: Test, file: string, kind: "LOCK_SH" | "LOCK_EX"): Promise<Program> {
	const script = `import fcntl, sys, time; f = open(sys.argv[1], "r+"); fcntl.flock(f, fcntl.${kind}); print("held", flush=True); time.sleep(60)`;
	const program = new Program(["python3", "-c", script, file]);
	t.teardown(() => program.stop("SIGKILL"));
	await program.waitFor(/held/, LIMIT_MS);
	return program;
}

function besideLocks(t: Test): void {
	t.test("beside a program that locks files as a whole", async (t) => {
		const all = makeBench(t);
		const part = { offsetSectors: 8, lengthSectors: 8 };
		for (const kind of ["LOCK_SH", "LOCK_EX"] as const) {
			const file = newFile(newDirectory(), MIB);
			const other = await holder(t, file, kind);
			for (const options of [{}, part]) t.throws(() => openStack(file, all, options), IN_USE, kind);
			const reads = () => openStack(file, all, { ...part, readOnly: true });
			if (kind === "LOCK_SH") await reads().close();
			else t.throws(reads, IN_USE, "nor a reader beside who writes");
			await other.stop("SIGKILL");
		}
		const file = newFile(newDirectory(), MIB);
		const tries = (kind: string) => {
			const script = `import fcntl, sys; fcntl.flock(open(sys.argv[1], "r+"), fcntl.LOCK_NB | fcntl.${kind})`;
			return run(["python3", "-c", script, file], LIMIT_MS);
		};
		for (const options of [{}, part, { readOnly: true }, { ...part, readOnly: true }]) {
			const device = openStack(file, all, options);
			t.match(await tries("LOCK_EX"), { code: 1, stderr: /BlockingIOError/ }, "it finds our lock");
			await device.close();
		}
		const whole = openStack(file, all);
		t.match(await tries("LOCK_SH"), { code: 1, stderr: /BlockingIOError/ });
		await whole.close();
		t.match(await tries("LOCK_EX"), { code: 0 }, "closed, nothing of it is left");
	});
}

function servers(t: Test): void {
	t.test("servers of their own for two parts, and a third that wants both", async (t) => {
		const directory = newDirectory();
		const file = newFile(directory, MIB);
		const serve = (slot: number, ...options: string[]) => [
			...vbladeCommand(),
			...options,
			"9",
			`${slot}`,
			`unix:${directory}/${slot}.sock`,
			file,
		];
		const first = new Program(serve(0, "-l", "1024"));
		t.teardown(() => first.stop("SIGKILL"));
		await first.waitFor(/e9\.0, 1024 sectors/, LIMIT_MS);
		const second = new Program(serve(1, "-o", "1024"));
		t.teardown(() => second.stop("SIGKILL"));
		await second.waitFor(/e9\.1, 1024 sectors/, LIMIT_MS);
		for (const options of [["-o", "1000", "-l", "100"], [], ["-r"]])
			t.match(
				await run(serve(2, ...options), LIMIT_MS),
				{ code: 2, stderr: /^vblade: .* in use by another vblade, or by another blade of this one.*\n$/ },
				`refused: ${options.join(" ")}`,
			);
		await first.stop("SIGKILL");
		const again = new Program(serve(0, "-l", "1024"));
		t.teardown(() => again.stop("SIGKILL"));
		await again.waitFor(/e9\.0, 1024 sectors/, LIMIT_MS);
		for (const program of [again, second]) t.match(await program.stop(), { code: 0 });
		execFileSync("python3", [
			"-c",
			"import fcntl, sys; fcntl.flock(open(sys.argv[1]), fcntl.LOCK_EX | fcntl.LOCK_NB)",
			file,
		]);
	});
}

if (await inMounts(import.meta.url)) {
	inOneProcess(t);
	besideLocks(t);
	servers(t);
}
