/**
 * The demo of pools in object stores: an image is stored once, a host that has nothing of it serves a clone at once, a snapshot uploads what
 * has changed, and when that host is killed another one goes on. With Swift and etcd where they are installed; otherwise with `vblade objects`,
 * which serves a directory as a store, and says so. Run by `scripts/demo objects`.
 */

import { randomBytes } from "node:crypto";
import { chmodSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Certificates } from "../test/nbd/certificates.js";
import { scratchDirectory } from "../test/support/cleanup.js";
import { vbladeCommand } from "../test/support/paths.js";
import { Program } from "../test/support/process.js";
import { Etcd, etcdMissing } from "../test/support/services/etcd.js";
import { Swift, swiftMissing } from "../test/support/services/swift.js";
import { freePort } from "./demo-daemon.js";
import { Host, LIMIT_MS } from "./demo-host.js";
import { Meter } from "./demo-meter.js";

const MIB = 2 ** 20;
const IMAGE_MIB = 64;
const SECTOR_BYTES = 512;
/** What a machine reads when it boots, in little: pieces of 8 KiB here and there. */
const BOOT_READS = 64;
const READ_SECTORS = 16;

interface Store {
	readonly meter: Meter;
	/** Of the configuration, up to what each host has of its own. */
	readonly config: string;
	stop(): Promise<void>;
}

function step(text: string): void {
	console.log(`\n\x1b[1m== ${text}\x1b[0m`);
}

function show(text: string): void {
	console.log(text.replaceAll(/^/gm, "   "));
}

const inMib = (bytes: number): string => `${(bytes / MIB).toFixed(1)} MiB`;
const since = (beganMs: number): string => `${((performance.now() - beganMs) / 1000).toFixed(1)} s`;

/** Swift and etcd, as they are of a data centre. */
async function openServices(): Promise<Store> {
	const swift = await Swift.start(3);
	const etcd = await Etcd.start(3);
	const { account } = swift;
	const url = new URL(account.auth);
	const meter = await Meter.open(Number(url.port));
	url.port = String(meter.port);
	const key = path.join(scratchDirectory(), "key");
	writeFileSync(key, `${account.key}\n`, { mode: 0o600 });
	const config = [
		`[store.cellar]\ntype = "swift"\nauth = "${url}"\nuser = "${account.user}"\nkey_file = "${key}"\n`,
		`[head.etcd]\nendpoints = ${JSON.stringify(etcd.endpoints)}\n`,
		'[pool.gold]\nstore = "cellar"\ncontainer = "gold"\nhead = "etcd"',
	].join("\n");
	const stop = async (): Promise<void> => {
		meter.close();
		await swift.stop();
		await etcd.stop();
	};
	return { meter, config, stop };
}

/** A directory, as another host has it. */
async function openDirectory(): Promise<Store> {
	const folder = scratchDirectory();
	chmodSync(folder, 0o755);
	const keys = new Certificates(path.join(folder, "keys"));
	const { certificate, key } = keys.make("objects");
	const secret = path.join(folder, "secret");
	writeFileSync(secret, `${randomBytes(24).toString("base64")}\n`, { mode: 0o600 });
	const port = await freePort();
	const words = ["objects", path.join(folder, "store"), "--listen", `127.0.0.1:${port}`];
	const own = ["--access-key", "attic", "--secret-file", secret];
	const tls = ["--certificate", certificate, "--key-file", key];
	show(`$ vblade ${[...words, ...own, ...tls].join(" ")}`);
	const server = new Program([...vbladeCommand(), ...words, ...own, ...tls]);
	await server.waitFor(/^vblade: ready: /m, LIMIT_MS);
	const meter = await Meter.open(port);
	const config = [
		`[store.attic]\ntype = "s3"\nendpoint = "https://localhost:${meter.port}"\naccess_key = "attic"`,
		`secret_file = "${secret}"\nca = "${keys.ca}"\n`,
		'[pool.gold]\nstore = "attic"\ncontainer = "gold"\nhead = "store"',
	].join("\n");
	const stop = async (): Promise<void> => {
		meter.close();
		await server.stop("SIGTERM", LIMIT_MS);
	};
	return { meter, config, stop };
}

async function openStore(): Promise<Store> {
	const missing = [swiftMissing(), etcdMissing()].filter((why) => why !== false);
	if (missing.length === 0) {
		step("A store: Swift with three copies of each object, and an etcd of three members, on this machine");
		return openServices();
	}
	step("A store: a directory, served by vblade objects behind TLS");
	show(`${missing.join("; ")}: with both the demo would use those`);
	return openDirectory();
}

/** An image is imported on a host that then goes. */
async function storeImage(host: Host, { meter }: Store, image: Buffer): Promise<void> {
	step(`An image of ${IMAGE_MIB} MiB is stored, with a snapshot and a clone`);
	const file = host.path("image.raw");
	writeFileSync(file, image);
	await host.start();
	await host.tell("pool", "create", "gold");
	await host.ask("volume", "import", "gold/base", file);
	await host.ask("volume", "snapshot", "gold/base@v1");
	await host.tell("volume", "clone", "gold/base@v1", "gold/web");
	await host.serves();
	await host.stored();
	show(`${inMib(meter.up)} have gone to the store`);
	await host.stop();
}

async function boot(host: Host, { meter }: Store, image: Buffer): Promise<void> {
	step("Another host, which has nothing of it, serves the clone at once");
	const [beganMs, down] = [performance.now(), meter.down];
	await host.start();
	await host.serves();
	show(`served after ${since(beganMs)}, with the start of the daemon`);
	await host.withDisk(async (disk) => {
		for (let count = 0; count < BOOT_READS; count++) {
			const sector = ((count * 7919) % (image.length / SECTOR_BYTES / READ_SECTORS)) * READ_SECTORS;
			const found = await disk.read(sector, READ_SECTORS);
			const wanted = image.subarray(sector * SECTOR_BYTES, (sector + READ_SECTORS) * SECTOR_BYTES);
			if (!wanted.equals(found)) throw new Error(`sector ${sector} is not what was stored`);
		}
	});
	const reads = `${BOOT_READS} reads of ${(READ_SECTORS * SECTOR_BYTES) / 1024} KiB all over the disk`;
	show(`${reads}: ${await host.requests("get")} GETs, ${inMib(meter.down - down)} of ${IMAGE_MIB} MiB`);
}

async function change(host: Host, { meter }: Store, bytes: Buffer): Promise<void> {
	step("A snapshot uploads what has changed");
	const [up, puts] = [meter.up, await host.requests("put")];
	await host.withDisk(async (disk) => {
		const sectors = 2 * READ_SECTORS;
		for (let at = 0; at < bytes.length; at += sectors * SECTOR_BYTES)
			await disk.write(at / SECTOR_BYTES, bytes.subarray(at, at + sectors * SECTOR_BYTES));
		await disk.flush();
	});
	await host.tell("volume", "snapshot", "gold/web@monday");
	await host.stored();
	const [sent, asked] = [meter.up - up, (await host.requests("put")) - puts];
	show(
		`${inMib(bytes.length)} were written: ${asked} PUTs, ${inMib(sent)} in all, with each write for good when it was answered`,
	);
}

async function takeOver(from: Host, to: Host, bytes: Buffer): Promise<void> {
	step("The host is killed, and another one goes on with all that was answered");
	await to.start();
	const [, why] = /(pool gold: .* is in use by .*)/.exec(to.said) ?? [];
	if (why !== undefined) show(why);
	const beganMs = performance.now();
	await from.stop("SIGKILL");
	show(`${from.name}: killed`);
	await to.serves();
	show(`${to.name}: served after ${since(beganMs)}: a lease of 6 s, and a margin`);
	const found = await to.withDisk((disk) => disk.read(0, READ_SECTORS));
	if (!bytes.subarray(0, READ_SECTORS * SECTOR_BYTES).equals(found)) throw new Error("a write is lost");
	await to.tell("volume", "ls", "gold");
	await to.stop();
}

const startedMs = performance.now();
try {
	const store = await openStore();
	show(`${store.config}\nlog = "..."`);
	const [one, two] = ["one", "two"].map((name) => new Host(name, store.config, show));
	if (one === undefined || two === undefined) throw new Error("no hosts");
	const [image, bytes] = [randomBytes(IMAGE_MIB * MIB), randomBytes(MIB)];
	await storeImage(one, store, image);
	await boot(two, store, image);
	await change(two, store, bytes);
	await takeOver(two, one, bytes);
	await store.stop();
	console.log(`\nThe demo went well. ${since(startedMs)}.`);
	process.exit(0);
} catch (error) {
	console.error(`The demo failed: ${error instanceof Error ? error.message : String(error)}`);
	process.exit(1);
}
