/**
 * A room of machines without disks: three in QEMU boot at once by iPXE from one image, with scripts of the daemon, and each writes its own; when they
 * boot again they find that, but for the one that was reset.
 */

import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import t, { type Test } from "tap";
import { machineLsCommand, machineResetCommand } from "../../lib/cli/asking/machines.js";
import { volumeExportCommand, volumeImportCommand } from "../../lib/cli/pools/image.js";
import { poolCreateCommand } from "../../lib/cli/pools/pool.js";
import { volumeSnapshotCommand } from "../../lib/cli/pools/volume-changes.js";
import { DaemonTree } from "../daemon/tree-bench.js";
import { GUEST_LIMIT_MS } from "../support/limit.js";
import { Namespace, namespacesMissing } from "../support/netns.js";
import { told } from "../support/pools.js";
import { qemuMissing, runQemu } from "../support/qemu.js";
import { BootDisk, IPXE, SECTORS, SIZE_BYTES, STATUS_GOOD, WRITE_LBA } from "./boot-disk.js";
import { newImage } from "./served.js";

t.setTimeout(4 * GUEST_LIMIT_MS);
const missing = qemuMissing(IPXE, "/usr/bin/as", "/usr/bin/ld") ?? namespacesMissing();
const HERE = "192.0.2.1";

interface Guest {
	readonly index: number;
	readonly mac: string;
	readonly uuid: string;
}

/** Each with a cable of its own to a switch, which the daemon is at. */
function layNetwork(t: Test, guests: readonly Guest[]): Namespace {
	const namespace = new Namespace(`vb${process.pid}s0`);
	t.teardown(() => namespace.remove());
	namespace.ip("link", "set", "lo", "up");
	namespace.ip("link", "add", "br0", "type", "bridge");
	namespace.ip("addr", "add", `${HERE}/24`, "dev", "br0");
	for (const { index } of guests) {
		namespace.ip("tuntap", "add", `tap${index}`, "mode", "tap");
		namespace.ip("link", "set", `tap${index}`, "master", "br0", "up");
	}
	namespace.ip("link", "set", "br0", "up");
	return namespace;
}

async function boot(
	t: Test,
	{ index, mac, uuid }: Guest,
	text: string,
	namespace: string,
	onLine: (line: string) => void = () => {},
): Promise<void> {
	const address = `set net0/ip 192.0.2.${10 + index} && set net0/netmask 255.255.255.0`;
	const { code, output } = await runQemu({
		args: [
			...["-M", "pc,graphics=off", "-m", "64M", "-uuid", uuid, "-kernel", IPXE],
			...["-append", `ifopen net0 && ${address} && chain http://${HERE}:9471/boot.ipxe || reboot`],
			...["-netdev", `tap,id=net0,ifname=tap${index},script=no,downscript=no`],
			...["-device", `virtio-net-pci,netdev=net0,mac=${mac},romfile=`],
			...["-device", "isa-debug-exit,iobase=0xf4,iosize=4"],
		],
		limitMs: GUEST_LIMIT_MS,
		namespace,
		onLine,
	});
	const passed =
		t.match(output, text, `${mac} reads what the image has`) &&
		t.match(output, /^written$/m, "it writes") &&
		t.equal(code, STATUS_GOOD, "and ends well");
	if (!passed) t.comment(output);
}

t.test("three machines boot at once from one image", { skip: missing ?? false }, async (t) => {
	const guests = [1, 2, 3].map((index) => ({ index, mac: `02:00:00:00:00:0${index}`, uuid: randomUUID() }));
	const namespace = layNetwork(t, guests);
	const tree = new DaemonTree(namespace.name);
	const pool = tree.path("fast");
	const image = new BootDisk(true);
	const file = newImage(tree.path("image"), SIZE_BYTES);
	image.fill(file);
	await told(poolCreateCommand, pool);
	await told(volumeImportCommand, `${pool}/gold`, file);
	tree.configure(
		`[boot]\nlisten = ["${HERE}:9471"]\n[pool.fast]\npath = "${pool}"\n` +
			'[template.lab]\nimage = "fast/gold@v1"\nshelf = 20\nnetif = ["br0"]\n',
	);
	await tree.start();
	t.teardown(() => tree.stop());
	const waiting = new Set<Guest>();
	const all = guests.map((guest) =>
		boot(t, guest, image.text, namespace.name, (line) => {
			// The image is made when all have heard that there is none: they come again by themselves.
			if (!line.includes("no such snapshot") || waiting.has(guest)) return;
			waiting.add(guest);
			if (waiting.size === guests.length)
				void told(volumeSnapshotCommand, `--socket=${tree.socket}`, "fast/gold@v1");
		}),
	);
	await Promise.all(all);
	const list = await told(machineLsCommand, `--socket=${tree.socket}`);
	for (const { index } of guests) t.match(list, new RegExp(`^lab-02000000000${index} +20\\.[012] `, "m"));
	const reset = await told(machineResetCommand, `--socket=${tree.socket}`, "lab-020000000003", "--force");
	t.match(reset, /^machine lab-020000000003 is as fast\/gold@v1 is/);
	await boot(t, guests[1]!, image.text, namespace.name);
	t.equal((await tree.stop()).code, 0);
	for (const { index, uuid } of guests) {
		const out = tree.path(`out${index}`);
		await told(volumeExportCommand, `${pool}/lab-02000000000${index}`, out);
		const written = readFileSync(out).subarray(WRITE_LBA * 512, (WRITE_LBA + SECTORS) * 512);
		const turned = Buffer.from(image.data.map((byte) => ~byte & 0xff));
		turned.set(Buffer.from(uuid.replaceAll("-", ""), "hex"));
		if (index === 3) turned.fill(0);
		t.ok(
			written.equals(turned),
			index === 3 ? "what was reset has nothing of it" : "its own, and no other's",
		);
	}
});
