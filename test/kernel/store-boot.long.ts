/**
 * A machine boots by iPXE over AoE from a clone of an image in an object store, on a host that has nothing of the pool: only what it reads is fetched, and that is recorded; for a
 * second clone, on a host that has nothing either, all of it is there before the machine asks.
 */

import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import t, { type Test } from "tap";
import { servicesMissing, startSwift } from "../daemon/real-services.js";
import { Host, layBridge } from "../daemon/store-hosts.js";
import { pause, until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { GUEST_LIMIT_MS, LIMIT_MS } from "../support/limit.js";
import { netdev, qemuMissing, runQemu } from "../support/qemu.js";
import { BootDisk, IPXE, SPREAD_BYTES, STATUS_GOOD } from "./boot-disk.js";

const MIB = 1024 * 1024;
const skip = qemuMissing(IPXE, "/usr/bin/as", "/usr/bin/ld") ?? servicesMissing();

t.setTimeout(2 * GUEST_LIMIT_MS);

async function boot(t: Test, disk: BootDisk): Promise<void> {
	const { code, output } = await runQemu({
		args: [
			...["-M", "pc,graphics=off", "-m", "64M", "-kernel", IPXE],
			...["-append", "ifopen net0 && sanboot --no-describe --keep aoe:e9.0 || reboot"],
			...["-netdev", netdev({ kind: "tap", interfaceName: "tap0" })],
			...["-device", "virtio-net-pci,netdev=net0,romfile="],
			...["-device", "isa-debug-exit,iobase=0xf4,iosize=4"],
		],
		isRoots: true,
		limitMs: GUEST_LIMIT_MS,
	});
	const passed =
		t.match(output, "has been everywhere", "it reads in many places") &&
		t.match(output, disk.text, "and what the image has") &&
		t.match(output, /^written$/m, "it writes") &&
		t.equal(code, STATUS_GOOD, "and ends well");
	if (!passed) t.comment(output);
}

async function fetched({ tree }: Host): Promise<number> {
	const { stored } = (await tree.ask("GET", "/api/v1/pools/gold")).body;
	return (stored as unknown as { readonly fetchedBytes: number }).fetchedBytes;
}

/** What is fetched ahead has come: nothing more comes for a second. */
async function settled(host: Host): Promise<number> {
	let last = -1;
	await until(
		"all that is fetched ahead",
		async () => {
			const before = last;
			last = await fetched(host);
			await pause(1000);
			return last === before;
		},
		LIMIT_MS,
	);
	return last;
}

if (skip !== false) t.pass("not run", { skip });
else if (await inNamespace(import.meta.url, 2 * GUEST_LIMIT_MS)) {
	await layBridge(["host1", "host2", "host3"]);
	for (const command of ["tuntap add tap0 mode tap", "link set tap0 master bridge0 up"])
		execFileSync("ip", command.split(" "), { timeout: LIMIT_MS });
	const services = await startSwift(t);
	const hosts = ["one", "two", "three"].map(
		(name, at) => new Host(`host${at + 1}`, services, { stable: "host", disks: [name] }),
	);
	t.teardown(() => Promise.all(hosts.map(({ tree }) => tree.program?.stop("SIGKILL", LIMIT_MS))));
	const [maker, first, second] = hosts as [Host, Host, Host];
	const disk = new BootDisk(false, true);
	const image = maker.tree.file("image", 0);
	writeFileSync(image, randomBytes(SPREAD_BYTES));
	disk.fill(image);
	await maker.start();
	await maker.say("pool", "create", "gold");
	await maker.say("volume", "import", "gold/base", image);
	await maker.say("volume", "snapshot", "gold/base@v1");
	await maker.tree.stop();

	let plainBytes = 0;
	t.test("a clone on a host that has nothing of it", async (t) => {
		await first.start();
		await first.say("volume", "clone", "gold/base@v1", "gold/two");
		await first.tree.state("two", "open");
		const before = await settled(first);
		await boot(t, disk);
		plainBytes = (await fetched(first)) - before;
		const share = (100 * plainBytes) / SPREAD_BYTES;
		t.comment(`${(plainBytes / MIB).toFixed(1)} MiB were fetched, ${share.toFixed(1)} % of the image`);
		t.ok(plainBytes > 0 && share < 10);
		await first.tree.stop();
	});

	t.test("a second clone has been fetched before it is asked for", async (t) => {
		await second.start();
		await second.say("volume", "clone", "gold/base@v1", "gold/three");
		await second.tree.state("three", "open");
		const before = await settled(second);
		await boot(t, disk);
		const more = (await fetched(second)) - before;
		t.comment(
			`${(before / MIB).toFixed(1)} MiB were fetched when it was opened and ahead, ${(more / MIB).toFixed(1)} MiB at boot`,
		);
		// (What the machine writes wants a little more than it has read.)
		t.ok(more < plainBytes / 4, `${more} of ${plainBytes} bytes`);
		await second.tree.stop();
	});
}
