/** Images that are written, read back: any row of extents comes back as it was, gone on with after any of them, too. */

import { existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import t from "tap";
import type { Extent, ExtentKind } from "../../lib/image/extent.js";
import type { ImageFormat } from "../../lib/image/layer.js";
import { OutputFile } from "../../lib/image/output.js";
import { directory, file, pattern, read } from "./images.js";
import { row, writerOf } from "./writing.js";

const MIB = 1024 * 1024;
const LIMIT = { numRuns: 40 };

const parts = fc.array(
	fc.record({
		kind: fc.constantFrom<ExtentKind>("data", "zero", "hole"),
		sectors: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.constantFrom(128, 2048, 5000)),
	}),
	{ minLength: 1, maxLength: 12 },
);

function contentOf(sizeBytes: number, extents: readonly Extent[]): Buffer {
	const bytes = Buffer.alloc(sizeBytes);
	for (const { offsetBytes, bytes: data } of extents) bytes.set(data, offsetBytes);
	return bytes;
}

for (const format of ["raw", "qcow2"] as const)
	t.test(`${format}: any row of extents, interrupted after any of them`, async (t) => {
		const name = path.join(directory, `round.${format}`);
		const trip = async (list: Parameters<typeof row>[0], stop: number): Promise<boolean> => {
			const { sizeBytes, extents } = row(list);
			const begun = extents.slice(0, stop % (extents.length + 1));
			const empty = await OutputFile.open(name);
			await empty.truncate(0);
			await empty.close();
			for (const isLast of [false, true]) {
				const output = await OutputFile.open(name);
				const writer = writerOf(format, output, sizeBytes);
				if (isLast) for (const extent of begun) await writer.skip(extent);
				for (const extent of isLast ? extents.slice(begun.length) : begun) await writer.put(extent);
				await (isLast ? writer.finish() : writer.sync());
				await output.close();
			}
			return (await read(name, format)).bytes.equals(contentOf(sizeBytes, extents));
		};
		await fc.assert(fc.asyncProperty(parts, fc.nat(), trip), LIMIT);
		t.notOk(existsSync(`${name}.part`));
	});

/** Writes extents as an image of this name. */
async function write(name: string, format: ImageFormat, list: Parameters<typeof row>[0]): Promise<string> {
	const { sizeBytes, extents } = row(list);
	const output = await OutputFile.open(path.join(directory, name));
	const writer = writerOf(format, output, sizeBytes);
	for (const extent of extents) await writer.put(extent);
	await writer.finish();
	await output.close();
	return output.path;
}

t.test("qcow2 keeps whole clusters apart that are zeros and that are not there", async (t) => {
	const image = await write("kinds.qcow2", "qcow2", [
		{ kind: "data", sectors: 128 },
		{ kind: "zero", sectors: 256 },
		{ kind: "hole", sectors: 128 },
		{ kind: "data", sectors: 100 },
	]);
	const { map } = await read(image);
	t.strictSame(map, ["data 65536", "zero 131072", "hole 65536", "data 51200"]);
});

t.test("what is not there takes no space", async (t) => {
	const hole = { kind: "hole", sectors: 2 ** 31 } as const;
	const qcow2 = await write("thin.qcow2", "qcow2", [hole, { kind: "data", sectors: 8 }]);
	t.ok(statSync(qcow2).size < MIB, "qcow2 of 1 TiB");
	const raw = await write("thin.raw", "raw", [
		{ ...hole, sectors: 2 ** 20 },
		{ kind: "data", sectors: 8 },
	]);
	t.equal(statSync(raw).size, 512 * (2 ** 20 + 8));
	t.ok(statSync(raw).blocks < 2048);
});

t.test("a part is not called what the whole is, and only its owner may read it", async (t) => {
	const name = path.join(directory, "part.raw");
	const output = await OutputFile.open(name);
	const writer = writerOf("raw", output, MIB);
	for (const extent of row([{ kind: "data", sectors: 1 }]).extents) await writer.put(extent);
	t.notOk(existsSync(name));
	t.equal(statSync(`${name}.part`).mode & 0o777, 0o600);
	await t.rejects(OutputFile.open(name), { name: "OperatorError", message: /another process is writing it/ });
	await writer.finish();
	await output.close();
	t.equal(readFileSync(name).length, MIB);
	t.notOk(existsSync(`${name}.part`));
});

t.test("a file that can't be written is named", async (t) => {
	await t.rejects(OutputFile.open("/nowhere/at/all"), {
		message: '"/nowhere/at/all.part": can\'t be written (ENOENT)',
	});
	const full = file("full.raw.part", pattern(512));
	const output = await OutputFile.open(full.replace(/\.part$/, ""));
	await output.close();
	await t.rejects(output.write(0, pattern(512)), {
		name: "FailedError",
		message: /full.raw": can't be written/,
	});
});
