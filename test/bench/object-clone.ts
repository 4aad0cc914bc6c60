/**
 * A clone of an image in an object store, on a host that has nothing of the pool: how long until a kernel has mounted it and read a file, what of the image was
 * fetched for that, and how long it takes to read what a machine reads when it boots, without a boot trace and with one. The kernel is up, and
 * waits for the disk. Called by `object-run.ts`.
 */

import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { runGuest, umlMissing } from "../support/uml.js";
import { OBJECTS_MTU } from "./object-figures.js";
import { Host, type Measuring } from "./object-stage.js";

const MIB = 2 ** 20;
const IMAGE_BYTES = 2048 * MIB;
/** What is read at boot, in small files that lie between large ones. */
const BOOT_FILES = 300;
const BOOT_FILE_BYTES = 64 * 1024;
const BIG_FILES = 100;
const BIG_FILE_BYTES = 12 * MIB;
const MAKE_LIMIT_MS = 120_000;
const GUEST_LIMIT_MS = 300_000;

export async function measureClones(on: Measuring): Promise<void> {
	const missing = umlMissing();
	if (missing !== undefined) throw new Error(missing);
	const folder = mkdtempSync(path.join(tmpdir(), "vbk"));
	const host = new Host(on.services);
	try {
		on.progress("an image of 2 GiB is made, and imported");
		const image = makeImage(folder);
		host.configure([]);
		await host.tree.start();
		await host.say("pool", "create", "store");
		await host.say("volume", "import", "store/base", image);
		await host.say("volume", "snapshot", "store/base@v1");
		await host.shipped("store");
		await host.tree.stop();
		for (let round = 0; round < on.task.rounds; round++) {
			const plain = await cold(on, host, round, false);
			on.add("clone", plain.firstS, "");
			on.add(
				"clone share",
				(plain.fetchedBytes / IMAGE_BYTES) * 100,
				`${Math.round(plain.fetchedBytes / MIB)} MiB`,
			);
			if (!on.wants("clone trace")) continue;
			const traced = await cold(on, host, round, true);
			on.add(
				"clone trace",
				traced.allS / plain.allS,
				`${traced.allS.toFixed(2)} of ${plain.allS.toFixed(2)} s`,
			);
		}
	} finally {
		await host.tree.program?.stop();
		rmSync(folder, { recursive: true, force: true });
	}
}

interface Cold {
	/** From the command that makes the clone. */
	readonly firstS: number;
	readonly allS: number;
	/** By the time at which the first file was read. */
	readonly fetchedBytes: number;
}

/** A host without anything of the pool serves a new clone to a kernel that waits for it. `isTraced`: after another clone of the same snapshot. */
async function cold(on: Measuring, host: Host, round: number, isTraced: boolean): Promise<Cold> {
	if (!isTraced) await forgetTraces(on);
	const [name, address] = [`clone${2 * round + Number(isTraced)}`, "9.0"];
	on.progress(`${name}${isTraced ? ", with a boot trace" : ""}`);
	host.forget("store");
	host.configure([]);
	await host.tree.start();
	let beginMs = 0;
	let [firstS, fetchedBytes] = [0, Promise.resolve(0)];
	let isWaiting = (): void => {};
	const waits = new Promise<void>((resolve) => {
		isWaiting = resolve;
	});
	let allS = 0;
	const seconds = (): number => (performance.now() - beginMs) / 1000;
	const guest = runGuest({
		namespace: { name: on.task.client },
		interfaceNames: ["lan0"],
		mtu: OBJECTS_MTU,
		script: "clone.sh",
		variables: { disk: `e${address}` },
		limitMs: GUEST_LIMIT_MS,
		onLine: (line) => {
			if (line.includes("waits for")) isWaiting();
			else if (line.includes("has read a file")) {
				firstS = seconds();
				fetchedBytes = host.stored("store").then((look) => look.fetchedBytes);
			} else if (line.includes("has read all")) allS = seconds();
		},
	});
	await Promise.race([waits, guest]);
	beginMs = performance.now();
	await host.say("volume", "clone", "store/base@v1", `store/${name}`);
	host.configure([{ name, volume: `store/${name}`, address }]);
	await host.serve(name);
	await guest;
	const found = { firstS, allS, fetchedBytes: await fetchedBytes };
	// (With its disk closed what was read is a trace.)
	await host.tree.stop();
	return found;
}

/** ext4 with `first`, the small files of `boot`, and large ones between them. */
function makeImage(folder: string): string {
	const [tree, image] = [path.join(folder, "tree"), path.join(folder, "image.raw")];
	for (const name of ["boot", "data"]) mkdirSync(path.join(tree, name), { recursive: true });
	writeFileSync(path.join(tree, "first"), randomBytes(64 * 1024));
	writeFileSync(image, "");
	truncateSync(image, IMAGE_BYTES);
	const script: string[] = ["mkdir boot", "mkdir data", `write ${path.join(tree, "first")} first`];
	for (let big = 0, boot = 0; big < BIG_FILES; big++) {
		for (; boot < ((big + 1) * BOOT_FILES) / BIG_FILES; boot++)
			script.push(made(tree, `boot/${boot}`, BOOT_FILE_BYTES));
		script.push(made(tree, `data/${big}`, BIG_FILE_BYTES));
	}
	execFileSync("mkfs.ext4", ["-q", "-F", image], { timeout: MAKE_LIMIT_MS });
	execFileSync("debugfs", ["-w", "-f", "-", image], {
		input: script.join("\n"),
		stdio: "pipe",
		timeout: MAKE_LIMIT_MS,
	});
	rmSync(tree, { recursive: true });
	return image;
}

/** A file by chance; what has it put into the image. */
function made(tree: string, name: string, bytes: number): string {
	writeFileSync(path.join(tree, name), randomBytes(bytes));
	return `write ${path.join(tree, name)} ${name}`;
}

async function forgetTraces({ services: { swift } }: Measuring): Promise<void> {
	const { auth, user, key } = swift.account;
	const login = await fetch(auth, { headers: { "x-auth-user": user, "x-auth-key": key } });
	const headers = { "x-auth-token": login.headers.get("x-auth-token") ?? "" };
	const container = `${login.headers.get("x-storage-url")}/store`;
	const listed = await (await fetch(container, { headers })).text();
	for (const name of listed.split("\n").filter((each) => each.includes("/traces/")))
		await fetch(`${container}/${name}`, { method: "DELETE", headers });
}
