/**
 * Hosts with one configuration, whose pool is in an object store: each a daemon of its own, on a port of one bridge in a namespace of the test's own, and an
 * initiator on another port that goes on with whoever answers. Used by tests of what happens when one of them is gone, stopped, or hands over.
 */

import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import type { Test } from "tap";
import { BlockOp } from "../../lib/block/request.js";
import { openFarDisk } from "../../lib/client/far-disk.js";
import { systemClock } from "../../lib/clock.js";
import type { Event } from "../../lib/control/model.js";
import { OperatorError } from "../../lib/errors.js";
import { interfaceInfo } from "../../lib/link/interfaces.js";
import { PacketLink } from "../../lib/link/packet.js";
import { nativeMemory } from "../../lib/native.js";
import { NbdDevice } from "../../lib/nbd/remote/device.js";
import { Pump } from "../../lib/pump.js";
import { connectTo } from "../../lib/stream/connect.js";
import { request } from "../nbd/remote-bench.js";
import { StandInEtcd } from "../object/stand-in-etcd.js";
import { BUCKET, KEYS, StandInS3 } from "../object/stand-in-s3.js";
import { until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { vbladeCommand } from "../support/paths.js";
import { run, sendSignal } from "../support/process.js";
import { DaemonTree } from "./tree-bench.js";

const ip = (command: string) =>
	execFileSync("ip", command.split(" "), { stdio: ["ignore", "ignore", "inherit"], timeout: LIMIT_MS });

/** A switch with a port for each of these, as interfaces of the same names. */
export async function layBridge(names: readonly string[]): Promise<void> {
	ip("link set lo up");
	ip("link add bridge0 type bridge");
	ip("link set bridge0 up");
	for (const name of names) {
		ip(`link add name ${name} mtu 9000 type veth peer name ${name}port mtu 9000`);
		ip(`link set ${name}port master bridge0`);
		for (const end of [name, `${name}port`]) ip(`link set ${end} up`);
	}
	for (const name of names) await until("the carrier", () => interfaceInfo(name)?.up === true, LIMIT_MS);
}

/** Where a pool is: lines of the configuration, and what only its hosts know. */
export interface Services {
	/** Of the table of the store, but for its secret. */
	readonly store: readonly string[];
	readonly secret: { readonly key: "secret_file" | "key_file"; readonly text: string };
	readonly container: string;
	/** None: the superblock is in the store. */
	readonly etcd: readonly string[];
}

/** Those of a test, which may have them go wrong. */
export interface StandIns extends Services {
	readonly standIns: { readonly s3: StandInS3; readonly etcd: StandInEtcd };
}

export async function startServices(t: Test): Promise<StandIns> {
	const [s3, etcd] = [new StandInS3(), new StandInEtcd()];
	const [endpoint, head] = [await s3.start(), await etcd.start()];
	t.teardown(() => Promise.all([s3.stop(), etcd.stop()]));
	return {
		store: ['type = "s3"', `endpoint = "${endpoint}"`, ...keysOf(KEYS)],
		...{ secret: { key: "secret_file", text: KEYS.secret }, container: BUCKET, etcd: [head] },
		standIns: { s3, etcd },
	};
}

export function keysOf(keys: { readonly region: string; readonly accessKey: string }): string[] {
	return [`region = "${keys.region}"`, `access_key = "${keys.accessKey}"`];
}

export interface HostOptions {
	/** Of the pool. */
	readonly stable?: "host" | "store";
	/** Of the disks; as everywhere, if not given. */
	readonly durability?: "ack" | "flush";
	/** Where NBD is served, beside a socket of its own. */
	readonly nbd?: string;
	/** Where iSCSI is served: the first disk, as LUN 0 of a target of this name. */
	readonly iscsi?: { readonly address: string; readonly target: string };
	/** Both serve the pool: where the other one reaches this one. */
	readonly partner?: string;
	/** Disks by NBD, named as their volumes; the first one is e9.0, too. */
	readonly disks?: readonly string[];
}

export class Host {
	readonly tree = new DaemonTree();
	#pids: readonly number[] = [];

	constructor(
		readonly netif: string,
		{ store, secret, container, etcd }: Services,
		{ stable = "store", durability = "ack", nbd, iscsi, partner, disks = ["web"] }: HostOptions = {},
	) {
		const { tree } = this;
		writeFileSync(tree.path("secret"), `${secret.text}\n`, { mode: 0o600 });
		const listen = [`unix:${tree.path("nbd.sock")}`, ...(nbd === undefined ? [] : [nbd])];
		tree.configure(
			[
				`[nbd]\nlisten = ${JSON.stringify(listen)}`,
				...["[store.attic]", ...store, `${secret.key} = "${tree.path("secret")}"`],
				...(etcd.length === 0 ? [] : [`[head.etcd]\nendpoints = ${JSON.stringify(etcd)}`]),
				`[pool.gold]\nstore = "attic"\ncontainer = "${container}"`,
				`head = "${etcd.length === 0 ? "store" : "etcd"}"`,
				`log = "${tree.path("log")}"\nstable = "${stable}"`,
				...(partner === undefined ? [] : [`serve = "both"\nlisten = "${partner}"`]),
				...disks.map(
					(name) =>
						`[disk.${name}]\nvolume = "gold/${name}"\ndurability = "${durability}"\n[disk.${name}.nbd]`,
				),
				...disks.slice(0, 1).map((name) => `[disk.${name}.aoe]\naddress = "9.0"\nnetif = ["${netif}"]`),
				...(iscsi === undefined
					? []
					: [`[disk.${disks[0]}.iscsi]\ntarget = "${iscsi.target}"\n[iscsi]\nlisten = ["${iscsi.address}"]`]),
				"",
			].join("\n"),
		);
	}

	/** Where a disk is for programs on this host. */
	uri(disk = "web"): string {
		return `nbd+unix:///${disk}?socket=${this.tree.path("nbd.sock")}`;
	}

	async start(): Promise<void> {
		await this.tree.start();
		this.#pids = (await this.tree.processes()).flatMap(({ pid }) => pid ?? []);
	}

	async say(...words: string[]): Promise<string> {
		return (await run([...vbladeCommand(), ...words, "--socket", this.tree.socket], LIMIT_MS)).output;
	}

	async io(...commands: string[]): Promise<string> {
		const words = commands.flatMap((command) => ["-c", command]);
		return (await run(["qemu-io", "-f", "raw", ...words, this.uri()], LIMIT_MS)).output;
	}

	/** To all of its processes; the opener first, which would start others anew. */
	signal(signal: NodeJS.Signals): void {
		for (const pid of new Set([this.tree.program.pid, ...this.#pids])) sendSignal(pid, signal);
	}

	/** As when its power goes. */
	async kill(): Promise<void> {
		this.signal("SIGKILL");
		await this.tree.program.stop("SIGKILL", LIMIT_MS);
	}

	async events(kind: Event["kind"]): Promise<readonly Event[]> {
		const { body } = await this.tree.ask("GET", "/api/v1/events");
		return (body.events as unknown as readonly Event[]).filter((event) => event.kind === kind);
	}

	async told(kind: Event["kind"], words: RegExp): Promise<Event> {
		let found: Event | undefined;
		const isThere = async (): Promise<boolean> => {
			found = (await this.events(kind)).find(({ message }) => words.test(message));
			return found !== undefined;
		};
		await until(`an event ${kind} ${words}`, isThere, LIMIT_MS);
		return found as Event;
	}
}

const PAGE_BYTES = 4096;

function unlessSilent(error: unknown): undefined {
	if (!(error instanceof OperatorError) || !/^nobody answers/.test(error.message)) throw error;
}

const INTERVAL_MS = 1000;
const RESENDS = 60;

/** An initiator of AoE that writes one page after the other, and flushes each. */
export class Writer {
	readonly #pump: Pump;
	readonly #device: NbdDevice;
	#first = 0;
	/** Number of the page that is next. */
	next = 0;
	/** From one acknowledgement to the next, at most, since it was last asked. */
	#pauseMs = 0;
	/** When something was acknowledged last. */
	lastMs = performance.now();
	#isStopped = false;
	#betweenMs = 0;
	#running: Promise<void> = Promise.resolve();

	private constructor(device: NbdDevice, pump: Pump) {
		this.#device = device;
		this.#pump = pump;
	}

	/** Of whoever answers for e9.0: a pool may be on its way from one host to another just then. */
	static async open(netif: string): Promise<Writer> {
		const pump = new Pump();
		let device: NbdDevice | undefined;
		const isOpen = async (): Promise<boolean> => {
			device = await openFarDisk({
				...{ link: new PacketLink(netif, pump, { framesInFlight: 64 }), shelf: 9, slot: 0 },
				...{ clock: systemClock, pump, readOnly: false, resend: RESENDS, intervalMs: INTERVAL_MS },
				allocate: nativeMemory,
			}).catch(unlessSilent);
			return device !== undefined;
		};
		await until("somebody answers for e9.0", isOpen, LIMIT_MS);
		return new Writer(device as NbdDevice, pump);
	}

	/** The same by NBD, of a disk of a host: its connection is never made anew. */
	static async openNbd({ tree }: Pick<Host, "tree">, disk = "web", firstPage = 0): Promise<Writer> {
		const pump = new Pump();
		const server = { kind: "unix", path: tree.path("nbd.sock") } as const;
		let isConnected = false;
		const device = await NbdDevice.open({
			...{ clock: systemClock, pump, readOnly: false, resend: RESENDS, intervalMs: INTERVAL_MS, name: disk },
			allocate: nativeMemory,
			connect: async () => {
				if (isConnected) throw new OperatorError("the connection has ended");
				isConnected = true;
				return connectTo(server, LIMIT_MS);
			},
		});
		const writer = new Writer(device, pump);
		writer.#first = firstPage;
		return writer;
	}

	static pattern(page: number): number {
		return (page % 251) + 1;
	}

	/** `failed`: its host may go. With so long a pause after each page: it may be asked for so little that a pool of two hosts stays where it is. */
	begin(failed?: (error: unknown) => void, pauseMs = 0): void {
		this.#isStopped = false;
		this.#betweenMs = pauseMs;
		this.lastMs = performance.now();
		this.#running = failed === undefined ? this.#run() : this.#run().catch(failed);
	}

	async #run(): Promise<void> {
		while (!this.#isStopped) {
			const memory = nativeMemory(PAGE_BYTES);
			memory.bytes.fill(Writer.pattern(this.next));
			const offsetBytes = (this.#first + this.next) * PAGE_BYTES;
			const write = { op: BlockOp.write, offsetBytes, lengthBytes: PAGE_BYTES, memory };
			for (const what of [write, { op: BlockOp.flush }]) {
				const { status } = await request(this.#device, this.#pump, what);
				if (status !== 0) throw new Error(`page ${this.next}: status ${status}`);
			}
			this.next += 1;
			const nowMs = performance.now();
			this.#pauseMs = Math.max(this.#pauseMs, nowMs - this.lastMs);
			this.lastMs = nowMs;
			if (this.#betweenMs > 0) await new Promise((resolve) => setTimeout(resolve, this.#betweenMs));
		}
	}

	/** So many more are acknowledged. */
	async more(count: number): Promise<void> {
		const goal = this.next + count;
		await Promise.race([until(`page ${goal}`, () => this.next >= goal, LIMIT_MS), this.#running]);
	}

	/** The longest pause since it was last asked. */
	takePauseMs(): number {
		const pauseMs = Math.round(this.#pauseMs);
		this.#pauseMs = 0;
		return pauseMs;
	}

	/** Pages that are not what was acknowledged. */
	async wrong(): Promise<number[]> {
		this.#isStopped = true;
		await this.#running;
		const wrong: number[] = [];
		for (let page = 0; page < this.next; page++) {
			const memory = nativeMemory(PAGE_BYTES);
			const offsetBytes = (this.#first + page) * PAGE_BYTES;
			const what = { op: BlockOp.read, offsetBytes, lengthBytes: PAGE_BYTES, memory };
			const { status } = await request(this.#device, this.#pump, what);
			if (status !== 0 || memory.bytes.some((byte) => byte !== Writer.pattern(page))) wrong.push(page);
		}
		return wrong;
	}

	async close(): Promise<void> {
		this.#isStopped = true;
		// (What is under way may have nobody left who answers.)
		const ended = this.#running.catch(() => undefined);
		await this.#device.close(1000);
		await ended;
	}
}
