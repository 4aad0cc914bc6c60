/**
 * Disks over iSCSI whose volumes are in real Swift, with the superblock in an etcd of three. A machine boots by iPXE from a clone, on a host that has
 * nothing of the pool: at once, since only what it reads is fetched; what it writes stays on the host, and of a snapshot the store gets what has
 * changed. Then a volume of large pages, while one of three object servers is killed: what is unmapped is free, what is mapped is told, and the
 * superblock moves when somebody asks for stable storage, and by itself.
 *
 *     10.9.0.1, the hosts (one after the other) <===> bridge0 <===> tap0: the machine, 10.9.0.2
 */

import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import t, { type Test } from "tap";
import { LoginStatus } from "../../lib/iscsi/pdu.js";
import { EtcdHead } from "../../lib/object/head-etcd.js";
import { unframed } from "../../lib/object/head-frame.js";
import { decodeSuperblock } from "../../lib/pool/store/superblock.js";
import { ScsiStatus } from "../../lib/scsi/protocol.js";
import { SECTOR_BYTES } from "../../lib/wire/sector.js";
import { type Real, servicesMissing, startSwift } from "../daemon/real-services.js";
import { Host, type HostOptions, layBridge } from "../daemon/store-hosts.js";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { read10, TEST_UNIT_READY, write10 } from "../support/iscsi/cdbs.js";
import { Initiator } from "../support/iscsi/initiator.js";
import { GUEST_LIMIT_MS, LIMIT_MS } from "../support/limit.js";
import { netdev, qemuMissing, runQemu } from "../support/qemu.js";
import { BootDisk, IPXE, SECTORS, SPREAD_BYTES, STATUS_GOOD, WRITE_LBA } from "./boot-disk.js";

const MIB = 1024 * 1024;
const SERVER = "10.9.0.1";
const SITE = "10.9.0.2";
const TARGET = "iqn.2026-11.org.example:gold";
const NAME = "iqn.1993-08.org.debian:01:abc";
/** Of a cut that is made by itself after half a minute, and of what is brought to the store then. */
const BY_ITSELF_MS = 2 * LIMIT_MS;
const PAGE_BLOCKS = (256 * 1024) / SECTOR_BYTES;
const SYNCHRONIZE_CACHE: readonly number[] = [0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0];
const LIMIT_OF_ALL_MS = 5 * GUEST_LIMIT_MS;

const skip = qemuMissing(IPXE, "/usr/bin/as", "/usr/bin/ld") ?? servicesMissing();

t.setTimeout(LIMIT_OF_ALL_MS);

const ip = (command: string) => execFileSync("ip", command.split(" "), { timeout: LIMIT_MS });

/** A host of the pool that serves a disk of it over iSCSI. */
function hostOf(t: Test, netif: string, services: Real, disk: string, options: HostOptions): Host {
	const iscsi = { address: `${SERVER}:3260`, target: TARGET };
	const host = new Host(netif, services, { ...options, disks: [disk], iscsi });
	t.teardown(() => host.tree.program?.stop("SIGKILL", LIMIT_MS));
	return host;
}

async function boot(t: Test, disk: BootDisk): Promise<void> {
	const { code, output } = await runQemu({
		args: [
			...["-M", "pc,graphics=off", "-m", "64M", "-kernel", IPXE],
			"-append",
			`ifopen net0 && set net0/ip ${SITE} && set net0/netmask 255.255.255.0 && sanboot --no-describe --keep iscsi:${SERVER}::3260:0:${TARGET} || reboot`,
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

interface Stored {
	readonly unshippedBytes: number;
	readonly storedBytes: number;
	readonly fetchedBytes: number;
}

async function stored({ tree }: Host): Promise<Stored> {
	return (await tree.ask("GET", "/api/v1/pools/gold")).body.stored as unknown as Stored;
}

/** All that was written is in the store, without anybody having asked for that. */
function shipped(host: Host): Promise<void> {
	return until("all of it in the store", async () => (await stored(host)).unshippedBytes === 0, BY_ITSELF_MS);
}

/** Logged in, with nothing left to be told of. */
async function loggedIn(t: Test): Promise<Initiator> {
	const one = new Initiator(connect(3260, SERVER));
	t.teardown(() => one.close());
	t.equal((await one.login({ name: NAME, target: TARGET })).status, LoginStatus.success, "it is let in");
	const isReady = async () => (await one.command({ cdb: TEST_UNIT_READY })).status === ScsiStatus.good;
	await until("it is told all", isReady, LIMIT_MS);
	return one;
}

/** Blocks of a page, all bytes of which are `value`. */
async function fill(t: Test, one: Initiator, page: number, value: number): Promise<void> {
	const write = Buffer.alloc(PAGE_BLOCKS * SECTOR_BYTES, value);
	const { status } = await one.command({ cdb: write10(page * PAGE_BLOCKS, PAGE_BLOCKS), write });
	t.equal(status, ScsiStatus.good, `page ${page} is written`);
}

async function page(one: Initiator, at: number): Promise<Buffer> {
	const read = PAGE_BLOCKS * SECTOR_BYTES;
	return (await one.command({ cdb: read10(at * PAGE_BLOCKS, PAGE_BLOCKS), read })).data;
}

async function isFull(one: Initiator, at: number, value: number): Promise<boolean> {
	return (await page(one, at)).equals(Buffer.alloc(PAGE_BLOCKS * SECTOR_BYTES, value));
}

/** What the volume has of its pool. */
async function usedBytes(host: Host): Promise<number> {
	return JSON.parse(await host.say("volume", "show", "gold/web", "--json")).usedBytes;
}

/** Runs of blocks from the first one on, as GET LBA STATUS (SBC-3, 5.5) tells them, as `m512` (mapped) and `d512`. */
async function provisioned(one: Initiator): Promise<string[]> {
	const bytes = 8 + 8 * 16;
	const cdb = Buffer.from([0x9e, 0x12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
	cdb.writeUInt32BE(bytes, 10);
	const { data } = await one.command({ cdb, read: bytes });
	const count = (data.readUInt32BE(0) - 4) / 16;
	return Array.from({ length: count }, (_, index) => {
		const at = 8 + 16 * index;
		return `${(data.readUInt8(at + 12) & 0xf) === 0 ? "m" : "d"}${data.readUInt32BE(at + 8)}`;
	});
}

async function unmap(one: Initiator, lba: number, blocks: number): Promise<number> {
	const write = Buffer.alloc(24);
	write.writeUInt16BE(22, 0);
	write.writeUInt16BE(16, 2);
	write.writeBigUInt64BE(BigInt(lba), 8);
	write.writeUInt32BE(blocks, 16);
	return (await one.command({ cdb: [0x42, 0, 0, 0, 0, 0, 0, 0, write.length, 0], write })).status;
}

/** What the superblock in etcd names of the store. */
class Watch {
	readonly #head: EtcdHead;

	constructor({ etcd }: Real) {
		this.#head = new EtcdHead({ endpoints: [etcd[0] ?? "", ...etcd.slice(1)], key: "vblade/pools/gold" });
	}

	async image(): Promise<string> {
		const found = await this.#head.read(AbortSignal.timeout(LIMIT_MS));
		if (found === null) throw new Error("there is no superblock");
		return JSON.stringify(decodeSuperblock(unframed("etcd", found.value).bytes, "etcd").image);
	}

	/** Resolves to how many milliseconds that has taken. */
	async moves(from: string): Promise<number> {
		const startMs = performance.now();
		await until("another image", async () => (await this.image()) !== from, BY_ITSELF_MS);
		return performance.now() - startMs;
	}

	close(): Promise<void> {
		return this.#head.close();
	}
}

async function machine(t: Test, services: Real): Promise<void> {
	const disk = new BootDisk(false, true);
	const maker = hostOf(t, "host1", services, "base", { stable: "host" });
	const image = maker.tree.file("image", 0);
	writeFileSync(image, randomBytes(SPREAD_BYTES));
	disk.fill(image);
	await maker.start();
	await maker.say("pool", "create", "gold");
	await maker.say("volume", "import", "gold/base", image);
	await maker.say("volume", "snapshot", "gold/base@v1");
	await maker.tree.stop();

	const host = hostOf(t, "host2", services, "two", { stable: "host" });
	await host.start();
	await host.say("volume", "clone", "gold/base@v1", "gold/two");
	await host.tree.state("two", "open");
	await shipped(host);
	const before = await stored(host);
	await boot(t, disk);
	const booted = await stored(host);
	const share = (100 * (booted.fetchedBytes - before.fetchedBytes)) / SPREAD_BYTES;
	t.ok(share > 0 && share < 10, `${share.toFixed(1)} % of the image were fetched`);
	const one = await loggedIn(t);
	const read = SECTORS * SECTOR_BYTES;
	const { data } = await one.command({ cdb: read10(WRITE_LBA, SECTORS), read });
	t.ok(data.equals(Buffer.from(disk.data.map((byte) => ~byte & 0xff)).subarray(0, read)), "what it wrote");
	one.close();

	await host.say("volume", "snapshot", "gold/two@booted");
	await shipped(host);
	const more = (await stored(host)).storedBytes - before.storedBytes;
	t.ok(more > 0 && more < MIB, `${more} bytes were brought to the store, of a disk of ${SPREAD_BYTES}`);
	await host.tree.stop();
}

async function synchronize(t: Test, one: Initiator): Promise<void> {
	t.equal((await one.command({ cdb: SYNCHRONIZE_CACHE })).status, ScsiStatus.good, "it is synchronized");
}

async function movedByCommand(t: Test, one: Initiator, watch: Watch, services: Real): Promise<void> {
	for (const at of [0, 1, 2, 3]) await fill(t, one, at, 10 + at);
	services.swift.kill("object1");
	const before = await watch.image();
	await synchronize(t, one);
	t.not(await watch.image(), before, "when it is answered the superblock names something else");
}

async function movedByItself(t: Test, one: Initiator, watch: Watch): Promise<void> {
	await synchronize(t, one);
	for (const value of [20, 21]) {
		const from = await watch.image();
		await fill(t, one, 2, value);
		t.comment(`it has moved after ${((await watch.moves(from)) / 1000).toFixed(0)} s`);
		t.not(await watch.image(), from);
	}
}

async function freed(t: Test, one: Initiator, host: Host): Promise<void> {
	const all = 4 * PAGE_BLOCKS;
	const rest = `d${(64 * MIB) / SECTOR_BYTES - all}`;
	t.same(await provisioned(one), [`m${all}`, rest]);
	const before = await usedBytes(host);
	t.equal(await unmap(one, PAGE_BLOCKS, PAGE_BLOCKS), ScsiStatus.good);
	t.equal(await unmap(one, 3 * PAGE_BLOCKS + 1, PAGE_BLOCKS - 1), ScsiStatus.good);
	t.equal(before - (await usedBytes(host)), PAGE_BLOCKS * SECTOR_BYTES, "one page of the volume is free");
	const left = [`m${PAGE_BLOCKS}`, `d${PAGE_BLOCKS}`, `m${2 * PAGE_BLOCKS}`, rest];
	t.same(await provisioned(one), left, "that one, and not one of which a block was left");
	t.ok(await isFull(one, 1, 0), "zeros");
	const last = await page(one, 3);
	t.equal(last.readUInt8(0), 13, "the block that was left");
	const isZero = last.subarray(SECTOR_BYTES).every((byte) => byte === 0);
	t.ok(isZero, "and zeros");
}

/** What pages have after `freed` and `movedByItself`. */
const KEPT = [
	[0, 10],
	[1, 0],
	[2, 21],
] as const;

async function killed(t: Test, host: Host, isLost: boolean): Promise<void> {
	const last = await loggedIn(t);
	await fill(t, last, 5, 30);
	await synchronize(t, last);
	await fill(t, last, 5, 31);
	await host.kill();
	last.close();
	if (isLost) rmSync(host.tree.path("log"), { recursive: true });
	await host.start();
	await host.tree.state("web", "open");
	const again = await loggedIn(t);
	const is = await Promise.all([30, 31].map((value) => isFull(again, 5, value)));
	t.ok(is.includes(true), `all of one: the ${is[0] ? "old" : "new"} one`);
	for (const [at, value] of KEPT) t.ok(await isFull(again, at, value), `page ${at} is as it was`);
	again.close();
}

async function largePages(t: Test, services: Real): Promise<void> {
	const host = hostOf(t, "host3", services, "web", { stable: "store", durability: "flush" });
	await host.start();
	await host.say("volume", "create", "gold/web", "64M", "--page", "256K");
	await host.tree.state("web", "open");
	const watch = new Watch(services);
	t.teardown(() => watch.close());
	const one = await loggedIn(t);
	await t.test("SYNCHRONIZE CACHE moves the superblock, an object server or not", (t) =>
		movedByCommand(t, one, watch, services),
	);
	await t.test("UNMAP frees whole pages, and GET LBA STATUS tells it", (t) => freed(t, one, host));
	await t.test("it moves by itself, too", (t) => movedByItself(t, one, watch));
	for (const isLost of [false, true])
		await t.test(`after kill -9 there is the old or the new one, log ${isLost ? "lost" : "there"}`, (t) =>
			killed(t, host, isLost),
		);
	await host.tree.stop();
}

if (skip !== false) t.pass("not run", { skip });
else if (await inNamespace(import.meta.url, LIMIT_OF_ALL_MS)) {
	await layBridge(["host1", "host2", "host3"]);
	ip(`address add ${SERVER}/24 dev bridge0`);
	ip("tuntap add tap0 mode tap");
	ip("link set tap0 master bridge0 up");
	const services = await startSwift(t);
	await t.test("a machine boots from a clone", (t) => machine(t, services));
	await t.test("a volume of large pages", (t) => largePages(t, services));
}
