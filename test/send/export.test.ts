/** Devices as images, and images on devices: interrupted anywhere, and gone on with by the next attempt. */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import t from "tap";
import { MemoryDevice } from "../../lib/block/memory.js";
import { BlockOp } from "../../lib/block/request.js";
import { Image } from "../../lib/image/image.js";
import { Random } from "../../lib/random.js";
import { copy } from "../../lib/send/copy.js";
import { DeviceWriter } from "../../lib/send/device.js";
import { exportImage } from "../../lib/send/export.js";
import { KeptInFile, KeptOnDevice } from "../../lib/send/kept.js";
import { KEPT_BYTES } from "../../lib/send/kept-bytes.js";
import { FaultyLayer } from "../../lib/testing/faulty-layer.js";
import { directory, file, read } from "../image/images.js";
import { contentOf, SIZE, scribbleAll } from "./streams.js";

const CHUNK = 64 * 1024;
const random = new Random();

t.before(() => t.comment(`seed ${random.seed}`));

/** What ends an attempt. */
const INTERRUPTED = new Error("interrupted");

for (const format of ["raw", "qcow2"] as const)
	t.test(`a device as ${format}, interrupted again and again`, async (t) => {
		const device = new MemoryDevice(SIZE);
		await scribbleAll(device, random, 30);
		const name = path.join(directory, `device.${format}`);
		const offsets: number[] = [];
		const attempt = (id: string, extents: number): Promise<void> => {
			let left = extents;
			const progress = (offset: number): void => {
				offsets.push(offset);
				if (left-- === 0) throw INTERRUPTED;
			};
			const options = { format, force: false, progress, everyBytes: 1 };
			return exportImage({ device, name: "fast/web@a", id }, name, options);
		};
		await t.rejects(attempt("another", 3), INTERRUPTED);
		await t.rejects(attempt("a", 3), INTERRUPTED);
		t.notOk(existsSync(name));
		const before = offsets.length;
		await attempt("a", 1000);
		t.ok(offsets[before]! > offsets[4]!, "it did not begin at the beginning");
		t.ok((await read(name, format)).bytes.equals(await contentOf(device)));
		t.notOk(existsSync(`${name}.part`) || existsSync(`${name}.part.state`));
		await t.rejects(attempt("a", 1000), {
			name: "OperatorError",
			message: /is there already \(--force replaces it\)/,
		});
	});

t.test("a file is replaced if that is asked for, anything else never", async (t) => {
	const device = new MemoryDevice(SIZE);
	const name = file("there.img", Buffer.from("before"));
	const options = { format: "raw", force: true, progress: () => {} } as const;
	await exportImage({ device, name: "a", id: "a" }, name, options);
	t.equal(readFileSync(name).length, SIZE);
	await t.rejects(exportImage({ device, name: "a", id: "a" }, "/dev/null", options), {
		message: /is no file/,
	});
});

t.test("an image on a device, and from a place on", async (t) => {
	const from = new MemoryDevice(SIZE);
	await scribbleAll(from, random, 20);
	const name = path.join(directory, "import.qcow2");
	await exportImage({ device: from, name: "a", id: "a" }, name, {
		format: "qcow2",
		force: false,
		progress: () => {},
	});
	const to = new MemoryDevice(SIZE);
	const reached: number[] = [];
	const image = await Image.open(name);
	for (const begin of [0, 5 * CHUNK]) {
		const writer = new DeviceWriter(to, "b");
		await copy(image.extents(begin), writer, {
			progress: () => {},
			reached: async (offset) => void reached.push(offset),
			everyBytes: 4 * CHUNK,
		});
		t.ok((await contentOf(to)).equals(await contentOf(from)));
	}
	t.ok(reached.length > 2);
	await image.close();
});

t.test("a device that fails is told with its place", async (t) => {
	const device = new FaultyLayer(new MemoryDevice(SIZE));
	device.add({ op: BlockOp.write, times: 1 });
	const writer = new DeviceWriter(device, "fast/web");
	await writer.put({ kind: "data", offsetBytes: 4096, lengthBytes: 4096, bytes: new Uint8Array(4096) });
	await t.rejects(writer.sync(), {
		name: "FailedError",
		message: /^"fast\/web": at byte 4096: can't be written/,
	});
});

t.test("what is kept is what was kept last, or nothing", async (t) => {
	const device = new MemoryDevice(KEPT_BYTES);
	const inFile = new KeptInFile(path.join(directory, "state"));
	for (const kept of [new KeptOnDevice(device), inFile]) {
		t.equal(await kept.read(), undefined);
		await kept.write({ offsetBytes: 1 });
		await kept.write({ offsetBytes: 2 ** 40, text: "x".repeat(3000) });
		t.strictSame(await kept.read(), { offsetBytes: 2 ** 40, text: "x".repeat(3000) });
	}
	await inFile.remove();
	t.equal(await inFile.read(), undefined);
	writeFileSync(inFile.path, "{");
	t.equal(await inFile.read(), undefined);
	const damaged = new DeviceWriter(device, "kept");
	await damaged.put({ kind: "data", offsetBytes: 0, lengthBytes: 512, bytes: new Uint8Array(512).fill(1) });
	await damaged.sync();
	t.equal(await new KeptOnDevice(device).read(), undefined);
});
