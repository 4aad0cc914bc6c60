/**
 * Writes to pools in object stores while these upload: how many a second, beside a local pool; how long a flush takes that the store has to have; and how fast a
 * disk's worth of data gets there, beside curl. Called by `object-run.ts`.
 */

import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Head } from "../../lib/object/head.js";
import { EtcdHead } from "../../lib/object/head-etcd.js";
import { NONCE_BYTES } from "../../lib/object/head-frame.js";
import { Objects } from "../../lib/object/objects.js";
import { SwiftObjects } from "../../lib/object/swift.js";
import { run } from "../support/process.js";
import { Host, type Measuring } from "./object-stage.js";
import { vblade } from "./pools.js";

const GIB = 2 ** 30;
const MIB = 2 ** 20;
const VOLUME = "1G";
/** Of a run, at least: several cuts are made in it. */
const SECONDS = 8;
const GRACE_MS = 120_000;
const RBD_RATE = 31_000;
const UPLOADED_BYTES = GIB;
const PART_BYTES = 8 * MIB;
const AT_ONCE = 4;
const FLUSHES = 150;
const US_PER_S = 1e6;

interface FioJob {
	readonly error: number;
	readonly write: { readonly iops: number };
	readonly sync: { readonly lat_ns: { readonly percentile?: Readonly<Record<string, number>> } };
}

export async function fio(uri: string, ...options: readonly string[]): Promise<FioJob> {
	const command = [
		...["fio", "--name=load", "--output-format=json", "--percentile_list=50", "--ioengine=nbd"],
		...[`--uri=${uri}`, "--rw=randwrite", "--bs=4096", "--norandommap", ...options],
	];
	const { code, stdout, output } = await run(command, GRACE_MS);
	const job =
		code === 0
			? (JSON.parse(stdout.slice(stdout.indexOf("{"))) as { jobs: readonly FioJob[] }).jobs[0]
			: undefined;
	if (job === undefined || job.error !== 0) throw new Error(`fio: ${output}`);
	return job;
}

const DISKS = [
	{ name: "gold", volume: "host/gold", durability: "ack" },
	{ name: "plain", volume: "local/plain", durability: "ack" },
	{ name: "loose", volume: "host/loose", durability: "flush" },
	{ name: "safe", volume: "store/safe", durability: "flush" },
	{ name: "bulk", volume: "store/bulk", durability: "flush" },
] as const;

export async function measureLoads(on: Measuring): Promise<void> {
	const host = new Host(on.services);
	host.configure([]);
	vblade("pool", "create", host.tree.path("local/pool"));
	await host.tree.start();
	try {
		for (const pool of ["host", "store"]) await host.say("pool", "create", pool);
		for (const { volume } of DISKS) await host.say("volume", "create", volume, VOLUME);
		host.configure(DISKS);
		await host.serve(...DISKS.map(({ name }) => name));
		await rates(on, host);
		await on.attempt(["flush"], () => flushes(on, host));
		await on.attempt(["upload"], () => uploads(on, host));
	} finally {
		await host.tree.stop();
	}
}

async function rates(on: Measuring, host: Host): Promise<void> {
	const seconds = Math.max(SECONDS, on.task.seconds);
	const runOf = async (disk: string, round: number): Promise<number> => {
		await host.shipped("host");
		const time = ["--time_based", `--runtime=${seconds}`, `--randseed=${round + 1}`];
		return (await fio(host.uri(disk), "--iodepth=16", `--size=${GIB}`, ...time)).write.iops;
	};
	const wantsBoth = on.wants("durable d16") || on.wants("rate");
	for (let round = 0; round < on.task.rounds; round++) {
		on.progress(`random writes, round ${round + 1}`);
		if (wantsBoth) {
			const order = round % 2 === 0 ? (["gold", "plain"] as const) : (["plain", "gold"] as const);
			const rate = { gold: 0, plain: 0 };
			for (const disk of order) rate[disk] = await runOf(disk, round);
			on.add("durable d16", rate.gold / rate.plain, `${rateText(rate.gold)}, local ${rateText(rate.plain)}`);
			on.add("rate", rate.gold / RBD_RATE, rateText(rate.gold));
		}
		if (on.wants("rate flush")) {
			const rate = await runOf("loose", round);
			on.add("rate flush", rate / RBD_RATE, rateText(rate));
		}
	}
}

export function rateText(perSecond: number): string {
	return `${Math.round(perSecond)}/s`;
}

/** A block is written and flushed, again and again; then as many objects are stored, and heads moved, that are as large. */
async function flushes(on: Measuring, host: Host): Promise<void> {
	const { swift, etcd } = on.services;
	const store = new Objects(new SwiftObjects({ account: swift.account, container: "alone", prefix: "" }));
	const [first = "", ...others] = etcd.endpoints;
	const head = new Head(new EtcdHead({ endpoints: [first, ...others], key: "bench/alone" }));
	await store.open();
	await head.open();
	try {
		for (let round = 0; round < on.task.rounds; round++) {
			on.progress(`flushes, round ${round + 1}`);
			const options = ["--iodepth=1", "--fsync=1", `--size=${GIB}`, `--io_size=${FLUSHES * 4096}`];
			const job = await fio(host.uri("safe"), ...options, `--randseed=${round + 1}`);
			const flushUs = (job.sync.lat_ns.percentile?.["50.000000"] ?? Number.NaN) / 1000;
			const [putUs, headUs] = await alone(store, head, round);
			on.add(
				"flush",
				flushUs / (putUs + headUs),
				`${Math.round(flushUs)} of ${Math.round(putUs)} and ${Math.round(headUs)} us`,
			);
		}
	} finally {
		await store.close();
		await head.close();
	}
}

/** p50 of each, in microseconds. */
async function alone(store: Objects, head: Head, round: number): Promise<[number, number]> {
	const [puts, swaps]: [number[], number[]] = [[], []];
	const bytes = randomBytes(16 * 1024);
	const value = randomBytes(12 * 1024);
	for (let i = 0; i < FLUSHES; i++) {
		const begin = performance.now();
		await store.put(`${round}/${i}`, bytes);
		const stored = performance.now();
		const state = await head.read();
		const read = performance.now();
		await head.swap(state?.revision ?? null, value, randomBytes(NONCE_BYTES));
		puts.push(stored - begin);
		swaps.push(performance.now() - read);
	}
	return [middle(puts) * 1000, middle(swaps) * 1000];
}

function middle(values: readonly number[]): number {
	return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** The same bytes: written to a disk until the store has them, and given to curl in parts as large as objects, as many at once. */
async function uploads(on: Measuring, host: Host): Promise<void> {
	const folder = mkdtempSync(path.join(tmpdir(), "vbu"));
	try {
		const file = path.join(folder, "data.img");
		const parts: string[] = [];
		for (let at = 0; at < UPLOADED_BYTES; at += PART_BYTES) {
			const part = randomBytes(PART_BYTES);
			writeFileSync(file, part, { flag: "a" });
			parts.push(path.join(folder, `part${parts.length}`));
			writeFileSync(parts.at(-1)!, part);
		}
		for (let round = 0; round < on.task.rounds; round++) {
			on.progress(`upload, round ${round + 1}`);
			// (The flush at its end has the store have it.)
			const ours = await seconds(async () => {
				const { code, output } = await run(["nbdcopy", "--flush", file, host.uri("bulk")], GRACE_MS);
				if (code !== 0) throw new Error(`nbdcopy: ${output}`);
			});
			const theirs = await seconds(() => curled(on, parts, round));
			on.add("upload", theirs / ours, `${rate(ours)}, curl ${rate(theirs)}`);
		}
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

function rate(time: number): string {
	return `${Math.round(UPLOADED_BYTES / MIB / time)} MiB/s`;
}

async function seconds(act: () => Promise<void>): Promise<number> {
	const begin = process.hrtime.bigint();
	await act();
	return Number(process.hrtime.bigint() - begin) / 1000 / US_PER_S;
}

async function curled(
	{ services: { swift } }: Measuring,
	parts: readonly string[],
	round: number,
): Promise<void> {
	const { auth, user, key } = swift.account;
	const login = await fetch(auth, { headers: { "x-auth-user": user, "x-auth-key": key } });
	const [token, url] = [login.headers.get("x-auth-token") ?? "", login.headers.get("x-storage-url") ?? ""];
	await fetch(`${url}/curl`, { method: "PUT", headers: { "x-auth-token": token } });
	const transfers = parts.flatMap((part, i) => ["-T", part, `${url}/curl/${round}-${i}`]);
	const options = ["-Z", "--parallel-max", String(AT_ONCE), "--parallel-immediate", "-s", "-S", "-f"];
	const { code, output } = await run(
		["curl", ...options, "-H", `x-auth-token: ${token}`, ...transfers],
		GRACE_MS,
	);
	if (code !== 0) throw new Error(`curl: ${output}`);
}
