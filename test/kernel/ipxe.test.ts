/**
 * A machine without a disk boots from us: iPXE in QEMU finds the blade, loads a boot sector of our own from it and runs it;
 * that reads and writes the disk through iPXE's AoE initiator. Over a unix socket without any privilege, and over a tap
 * interface as over a cable.
 */

import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { closeSync, openSync, readFileSync, readSync, writeSync } from "node:fs";
import path from "node:path";
import t, { type Test } from "tap";
import { scratchDirectory } from "../support/cleanup.js";
import { GUEST_LIMIT_MS, LIMIT_MS } from "../support/limit.js";
import { Namespace, namespacesMissing } from "../support/netns.js";
import { sourceFile, vbladeCommand } from "../support/paths.js";
import { netdev, type QemuPort, qemuMissing, runQemu } from "../support/qemu.js";
import { newImage, serveUnix } from "./served.js";

t.setTimeout(230_000);
const IPXE = "/usr/lib/ipxe/ipxe.lkrn";
const missing = qemuMissing(IPXE, "/usr/bin/as", "/usr/bin/ld");
/** Of some cylinders: what is smaller than one (255 heads, 63 sectors) iPXE can't load a boot sector from. */
const SIZE_BYTES = 2 ** 26;
const READ_LBA = 2000;
const WRITE_LBA = 3000;
/** More than iPXE puts into a frame. */
const SECTORS = 5;
/** What the boot sector makes of EXIT_GOOD. */
const STATUS_GOOD = 33;

/** The boot sector, 512 bytes. */
function assemble(): Buffer {
	const directory = scratchDirectory();
	const [object, binary] = [path.join(directory, "sector.o"), path.join(directory, "sector")];
	const symbols = { READ_LBA, WRITE_LBA, SECTORS };
	const defined = Object.entries(symbols).flatMap(([name, value]) => ["--defsym", `${name}=${value}`]);
	const source = sourceFile("test/kernel/boot-sector.S");
	const options = { timeout: LIMIT_MS };
	execFileSync("as", ["--32", ...defined, "-o", object, source], options);
	execFileSync(
		"ld",
		["-m", "elf_i386", "-Ttext", "0x7c00", "--oformat", "binary", "-o", binary, object],
		options,
	);
	return readFileSync(binary);
}

/** A text that nobody can guess, and bytes behind it, as the disk has them at READ_LBA. */
class Disk {
	readonly text = `this is disk ${randomUUID()}`;
	readonly data = Buffer.alloc(SECTORS * 512);

	constructor() {
		this.data.forEach((_, at) => {
			this.data[at] = (at * 7 + (at >>> 8)) & 0xff;
		});
		this.data.write(`${this.text}\0`, "latin1");
	}

	fill(file: string): void {
		const fd = openSync(file, "r+");
		writeSync(fd, assemble(), 0, 512, 0);
		writeSync(fd, this.data, 0, this.data.length, READ_LBA * 512);
		closeSync(fd);
	}

	/** Boots a machine from it and holds what that said and wrote against what the boot sector does. */
	async boot(t: Test, file: string, port: QemuPort, namespace?: string): Promise<void> {
		const { code, output } = await runQemu({
			args: [
				...["-M", "pc,graphics=off", "-m", "64M", "-kernel", IPXE],
				...["-append", "ifopen net0 && sanboot --no-describe --keep aoe:e9.0 || reboot"],
				...["-netdev", netdev(port), "-device", "virtio-net-pci,netdev=net0,romfile="],
				...["-device", "isa-debug-exit,iobase=0xf4,iosize=4"],
			],
			limitMs: GUEST_LIMIT_MS,
			...(namespace === undefined ? {} : { namespace }),
		});
		const passed =
			// Its first letter may come before the last ones of iPXE, whose console is another.
			t.match(output, /\bb\S*\s*ooted$/m, "the boot sector runs") &&
			t.match(output, this.text, "it reads what is on the disk") &&
			t.match(output, /^written$/m, "it writes") &&
			t.equal(code, STATUS_GOOD, "and ends the machine with its status");
		if (!passed) t.comment(output);
		const found = Buffer.alloc((SECTORS + 2) * 512);
		const fd = openSync(file, "r");
		readSync(fd, found, 0, found.length, (WRITE_LBA - 1) * 512);
		closeSync(fd);
		const expected = Buffer.alloc(found.length);
		this.data.forEach((byte, at) => {
			expected[at + 512] = ~byte & 0xff;
		});
		t.ok(found.equals(expected), "the file has what it wrote, and nothing beside it");
	}
}

t.test("iPXE boots from a unix socket, all without root", { skip: missing ?? false }, async (t) => {
	const disk = new Disk();
	const { vblade, files, socketPath } = await serveUnix(t, [SIZE_BYTES], ([file]) => disk.fill(file!));
	await disk.boot(t, files[0]!, { kind: "unix", path: socketPath });
	t.equal((await vblade.stop()).code, 0, "the server ends well");
});

t.test("iPXE boots from an interface", { skip: missing ?? namespacesMissing() ?? false }, async (t) => {
	const namespace = new Namespace(`vb${process.pid}s0`);
	t.teardown(() => namespace.remove());
	namespace.ip("tuntap", "add", "tap0", "mode", "tap");
	namespace.ip("link", "set", "tap0", "up");
	const disk = new Disk();
	const file = newImage(path.join(scratchDirectory(), "disk"), SIZE_BYTES);
	disk.fill(file);
	const vblade = namespace.start([...vbladeCommand(), "9", "0", "tap0", file]);
	await vblade.waitFor(/^pid \d+: e9\.0, /m, LIMIT_MS);
	await disk.boot(t, file, { kind: "tap", interfaceName: "tap0" }, namespace.name);
	t.equal((await vblade.stop()).code, 0, "the server ends well");
});
