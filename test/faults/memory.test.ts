import t, { type Test } from "tap";
import { LIMIT_MS } from "../support/limit.js";
import { makeMemoryGroup } from "../support/memory-group.js";
import { newDirectory, newFile } from "../support/mounts.js";
import { vbladeCommand } from "../support/paths.js";
import { run } from "../support/process.js";
import { FaultStage, FULL, failure, filled, MIB, withFaults } from "./stage.js";

/** Memory that can't be had, under a blade that promises more than there is. */
function largerThanMemory(t: Test): void {
	const limits = [
		{ name: "a control group", under: [] },
		{ name: "a control group and address space (RLIMIT_AS)", under: ["prlimit", `--as=${64 * 1024 * MIB}`] },
	];
	for (const { name, under } of limits)
		t.test(`a disk in memory that is larger than memory, limited by ${name}`, async (t) => {
			const group = makeMemoryGroup(320 * MIB);
			if (group === undefined) {
				t.pass("a control group", { skip: "none can be made here" });
				return;
			}
			const stage = await FaultStage.open(t, "mem:1T", { under: [...group.under, ...under] });
			// One of the others is in memory too: its pages are taken before.
			await stage.othersAreServed(64);
			const piece = filled(2048, 1);
			let failed: Awaited<ReturnType<typeof failure>>;
			let lba = 0;
			for (; lba < 2 * 320 * 2048 && failed === undefined; lba += 2048)
				failed = await failure(stage.faulty.write(lba, piece));
			t.match(failed, FULL, "a write that finds no memory is aborted");
			t.ok(lba > 32 * 2048, `after ${lba / 2048} MiB`);
			t.match(
				await stage.logged(/failed/),
				[/e9\.0: write at LBA \d+ failed: noSpace \(ENOSPC\)/],
				"told once",
			);
			t.equal(
				await failure(stage.faulty.write(0, filled(8, 2))),
				undefined,
				"what has its memory can be written",
			);
			t.equal(await failure(stage.faulty.write(8, filled(1, 2))), undefined, "in parts too");
			t.equal((await stage.faulty.read(0, 8))[0], 2);
			await stage.othersAreServed(64);
			await stage.faulty.trim(0, 64 * 2048);
			t.equal(await failure(stage.faulty.write(2 ** 30, piece)), undefined, "with memory again all is well");
			t.equal(group.kills(), 0, "the kernel has ended nobody");
			t.equal(stage.server.ended, undefined);
			await stage.server.stop();
		});
}

/** What a process may make of a file. */
function largerThanFiles(t: Test): void {
	t.test("a disk in memory that is larger than files may be (RLIMIT_FSIZE)", async (t) => {
		const server = await run(
			["prlimit", `--fsize=${MIB}`, ...vbladeCommand(), "9", "0", "near1", "mem:2M"],
			LIMIT_MS,
		);
		t.match(server, {
			code: 2,
			stderr: /^vblade: mem:2M: larger than a file of this process may be \(ulimit -f\)\n$/,
		});
	});

	t.test("a file that reaches past that limit", async (t) => {
		const file = newFile(newDirectory(), 8 * MIB);
		const stage = await FaultStage.open(t, file, {
			under: ["prlimit", `--fsize=${8 * MIB - 4096}`],
			goodFile: newFile(newDirectory(), 4 * MIB),
			memory: "mem:4M",
		});
		const lba = 8 * 2048 - 8;
		t.same(await failure(stage.faulty.write(lba, filled(8, 1))), { ...FULL, lba }, "aborted");
		await stage.server.waitFor(/e9\.0: write at LBA 16376 failed: noSpace \(EFBIG\)\n/, LIMIT_MS);
		t.equal((await stage.logged(/failed/)).length, 1, "told once");
		await stage.othersAreServed();
		await stage.server.stop();
	});
}

await withFaults(import.meta.url, 1, () => {
	largerThanMemory(t);
	largerThanFiles(t);
});
