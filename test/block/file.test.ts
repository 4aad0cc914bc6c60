// Files and block devices as storage: the conformance suite on several file systems and sector sizes, with io_uring and with
// worker threads, bare and under the layers that make a disk of them.
import t, { type Test } from "tap";
import type { BlockDevice } from "../../lib/block/device.js";
import { FileDevice } from "../../lib/block/file.js";
import { nativeMemory } from "../../lib/native.js";
import { type BlockSuiteOptions, blockConformance } from "../../lib/testing/block-conformance.js";
import { isLong, variants } from "../support/long.js";
import {
	canMount,
	inMounts,
	loopDevice,
	mountExt4,
	mountsMissing,
	mountTmpfs,
	newDirectory,
	newFile,
} from "../support/mounts.js";
import { type Bench, bytesAt, makeBench, openFile, openFlags, openStack } from "./file-bench.js";

const MIB = 1024 * 1024;
/** Bit of open(2)'s flags. */
const O_DIRECT = 0o40000;

interface Medium {
	readonly name: string;
	/** A new file or device, and what gives it back. */
	make(): { path: string; release(): void };
	readonly direct?: boolean;
}

function fileMedium(name: string, directory: string, direct = false): Medium {
	return { name, direct, make: () => ({ path: newFile(directory, 2 * MIB), release: () => {} }) };
}

function loopMedium(sectorBytes: number, direct = false): Medium {
	const make = () => {
		const device = loopDevice(newFile(newDirectory(), 2 * MIB), sectorBytes);
		return { path: device.path, release: device.release };
	};
	return { name: `loop device, ${sectorBytes}-byte sectors${direct ? ", direct" : ""}`, direct, make };
}

/** Runs the suite; `open` makes a device of a path. */
async function conforms(
	t: Test,
	medium: Medium,
	{ pump }: Bench,
	open: (path: string, readOnly: boolean) => BlockDevice,
	options: Partial<BlockSuiteOptions> = {},
): Promise<void> {
	let release = (): void => {};
	const make = (readOnly: boolean) => {
		release();
		const made = medium.make();
		release = made.release;
		return open(made.path, readOnly);
	};
	await blockConformance(t, medium.name, () => make(false), {
		pump,
		allocate: nativeMemory,
		borrowed: bytesAt,
		makeReadOnly: () => make(true),
		...options,
	});
	release();
}

/** Of all media, the one that a usual run has for a kind of device: each of the media is with one of them. */
function someOf(media: readonly Medium[], kind: number): readonly Medium[] {
	return isLong ? media : media.filter((_, at) => at === kind % media.length);
}

function conformance(t: Test): void {
	const media = [fileMedium("file", newDirectory())];
	if (canMount) {
		media.push(fileMedium("file on tmpfs", mountTmpfs(64 * MIB)), loopMedium(512), loopMedium(4096));
	}
	for (const kind of ["auto", "threads"] as const)
		t.test(`the file device, engine ${kind}`, async (t) => {
			const { engine, ...rest } = makeBench(t, kind);
			t.comment(engine.description);
			for (const medium of someOf(media, kind === "auto" ? 3 : 0))
				await conforms(t, medium, { engine, ...rest }, (path, readOnly) => {
					return new FileDevice(engine, path, { readOnly, direct: false });
				});
		});

	t.test("the whole stack, with every kind of durability", async (t) => {
		const all = makeBench(t);
		for (const [at, durability] of (["ack", "flush", "none"] as const).entries())
			for (const medium of someOf(media, at))
				await conforms(
					t,
					{ ...medium, name: `${medium.name}, ${durability}` },
					all,
					(path, readOnly) => openStack(path, all, { readOnly, durability }),
					{ ordered: true },
				);
	});

	t.test("direct I/O", { skip: mountsMissing }, async (t) => {
		const all = makeBench(t);
		const small = mountExt4(64 * MIB, 512);
		const large = mountExt4(64 * MIB, 4096);
		const direct = [
			fileMedium("direct file, 512-byte sectors", small.directory, true),
			fileMedium("direct file, 4096-byte sectors", large.directory, true),
			loopMedium(512, true),
			loopMedium(4096, true),
		];
		for (const medium of variants(direct, 1, 2))
			await conforms(
				t,
				medium,
				all,
				(path, readOnly) => openStack(path, all, { readOnly, direct: true, durability: "flush" }),
				{ ordered: true },
			);
		const file = openFile(t, newFile(large.directory, MIB), all, { direct: true });
		t.equal(file.alignBytes, 4096, "the disk's sector is the file's");
		t.ok(
			openFlags(file.path).every((flags) => (flags & O_DIRECT) !== 0),
			"the page cache is passed by",
		);
	});
}

if (await inMounts(import.meta.url)) conformance(t);
