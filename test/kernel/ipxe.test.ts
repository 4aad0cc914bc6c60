/**
 * A machine without a disk boots from us: iPXE in QEMU finds the blade, loads a boot sector of our own from it and runs it;
 * that reads and writes the disk through iPXE's initiator of AoE or iSCSI. AoE over a unix socket without any privilege, both over a tap interface as
 * over a cable.
 */

import { closeSync, openSync, readSync } from "node:fs";
import path from "node:path";
import t, { type Test } from "tap";
import { serveFile } from "../iscsi/luns.js";
import { scratchDirectory } from "../support/cleanup.js";
import { GUEST_LIMIT_MS, LIMIT_MS } from "../support/limit.js";
import { Namespace, namespacesMissing } from "../support/netns.js";
import { vbladeCommand } from "../support/paths.js";
import { programsMissing } from "../support/programs.js";
import { netdev, type QemuPort, qemuMissing, runQemu } from "../support/qemu.js";
import { BootDisk, IPXE, SECTORS, SIZE_BYTES, STATUS_GOOD, WRITE_LBA } from "./boot-disk.js";
import { newImage, serveUnix } from "./served.js";

t.setTimeout(230_000);
const missing = qemuMissing(IPXE, "/usr/bin/as", "/usr/bin/ld");

/** Where iPXE boots from, and what has to be set before. */
interface From {
	readonly uri: string;
	readonly settings: string;
}

const AOE: From = { uri: "aoe:e9.0", settings: "" };
const SERVER = "10.9.0.1";
const SITE = "10.9.0.2";

class Disk extends BootDisk {
	/** Boots a machine from it and holds what that said and wrote against what the boot sector does. */
	async boot(t: Test, file: string, port: QemuPort, namespace?: string, from = AOE): Promise<void> {
		const { code, output } = await runQemu({
			args: [
				...["-M", "pc,graphics=off", "-m", "64M", "-kernel", IPXE],
				...["-append", `ifopen net0 && ${from.settings} sanboot --no-describe --keep ${from.uri} || reboot`],
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

function withTap(t: Test): Namespace {
	const namespace = new Namespace(`vb${process.pid}s0`);
	t.teardown(() => namespace.remove());
	namespace.ip("tuntap", "add", "tap0", "mode", "tap");
	namespace.ip("link", "set", "tap0", "up");
	return namespace;
}

t.test("iPXE boots from an interface", { skip: missing ?? namespacesMissing() ?? false }, async (t) => {
	const namespace = withTap(t);
	const disk = new Disk();
	const file = newImage(path.join(scratchDirectory(), "disk"), SIZE_BYTES);
	disk.fill(file);
	const vblade = namespace.start([...vbladeCommand(), "9", "0", "tap0", file]);
	await vblade.waitFor(/^pid \d+: e9\.0, /m, LIMIT_MS);
	await disk.boot(t, file, { kind: "tap", interfaceName: "tap0" }, namespace.name);
	t.equal((await vblade.stop()).code, 0, "the server ends well");
});

/** iPXE's words for what others write as a URL. */
function iscsiFrom(url: string): From {
	const [, address = "", port = "", target = "", lun = ""] =
		/^iscsi:\/\/([\d.]+):(\d+)\/([^/]+)\/(\d+)$/.exec(url) ?? [];
	return {
		uri: `iscsi:${address}::${port}:${Number(lun).toString(16)}:${target}`,
		settings: `set net0/ip ${SITE} && set net0/netmask 255.255.255.0 &&`,
	};
}

const withoutIscsi = missing ?? namespacesMissing() ?? programsMissing("iscsi-ls");

t.test("iPXE boots over iSCSI", { skip: withoutIscsi ?? false }, async (t) => {
	const namespace = withTap(t);
	namespace.ip("address", "add", `${SERVER}/24`, "dev", "tap0");
	// To be asked there what it has.
	namespace.ip("link", "set", "lo", "up");
	const disk = new Disk();
	const file = newImage(path.join(scratchDirectory(), "disk"), SIZE_BYTES);
	disk.fill(file);
	const server = await serveFile(file, { portals: [`${SERVER}:3260`], namespace: namespace.name });
	await disk.boot(
		t,
		file,
		{ kind: "tap", interfaceName: "tap0" },
		namespace.name,
		iscsiFrom(server.urls[0]!),
	);
	t.ok(await server.end(), "the server ends well");
});
