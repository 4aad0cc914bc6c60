/**
 * The server: opens links and storage, makes blades of them, serves them, and takes it all down again. This is the only
 * place where the rooms below are put together:
 *
 *   netif ──> link ──> AoE target ──> registry ──> blade ──> ATA disk ──> disk ──> storage (layers over file or memory)
 *
 * Called by `lib/cli/serve.ts`. One pump, one storage engine, one target and registry per link, any number of blades.
 */

import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { Blade } from "./aoe/blade.js";
import { LEAST_MTU } from "./aoe/config.js";
import { Registry } from "./aoe/registry.js";
import { REJECT_REASONS, TargetStats } from "./aoe/stats.js";
import { AoeTarget } from "./aoe/target.js";
import { AtaDisk } from "./ata/disk.js";
import { GroupCommit } from "./block/durability.js";
import { StorageEngine } from "./block/engine.js";
import { storageIdentity } from "./block/identity.js";
import { openStorage } from "./block/open.js";
import { Disk, makeIdentity } from "./disk.js";
import { OperatorError } from "./errors.js";
import { FaultLog } from "./fault-log.js";
import { refuseTwice, takeOnInterface } from "./link/exclusive.js";
import type { Link } from "./link/link.js";
import { openLink, portKey } from "./link/open.js";
import type { Log } from "./log.js";
import { becomeUser, checkUser } from "./privileges.js";
import { Pump } from "./pump.js";
import { RivalLog } from "./rival-log.js";
import type { BladeSpec, NetifSpec, ServerOptions } from "./server-options.js";
import { counted } from "./text.js";
import { formatMac } from "./wire/mac.js";

/** How long a port may take to be up: the kernel tells of one that has just come up only once a second. */
const UP_LIMIT_MS = 1500;
const UP_POLL_MS = 20;
/** How long answers under way have to leave, on the way out. */
const DRAIN_MS = 200;
const SECTOR_BYTES = 512;

/** A link, what is served on it, and who serves it. */
interface Port {
	readonly link: Link;
	readonly registry: Registry;
	readonly target: AoeTarget;
	readonly stats: TargetStats;
	readonly rivals: RivalLog;
}

/** A blade that is being served, for the start-up line. */
export interface ServedBlade {
	/** `e9.0` */
	readonly name: string;
	readonly sectors: number;
	readonly readOnly: boolean;
}

/**
 * Serves `specs` until `close`. Throws an OperatorError, with everything given back, if one of them can't be served: there
 * is no half a server.
 */
export async function startServer(
	specs: readonly BladeSpec[],
	options: ServerOptions,
	log: Log,
	version: string,
): Promise<Server> {
	if (options.user !== undefined) checkUser(options.user);
	refuseTwice(specs);
	const server = new Server(options, log, version);
	try {
		const blades = countBlades(specs);
		for (const spec of specs) await server.add(spec, blades);
		// Before the first frame is looked at.
		if (options.user !== undefined) becomeUser(options.user, specs.some(needsPacketSockets));
		await server.serve();
		return server;
	} catch (error) {
		await server.close();
		throw error;
	}
}

/** How many blades each port serves, by `portKey`. */
function countBlades(specs: readonly BladeSpec[]): ReadonlyMap<string, number> {
	const blades = new Map<string, number>();
	for (const { netifs } of specs)
		for (const key of new Set(netifs.map(portKey))) blades.set(key, (blades.get(key) ?? 0) + 1);
	return blades;
}

/** An interface that changes wants a new packet socket; a unix socket never does. */
function needsPacketSockets({ netifs }: BladeSpec): boolean {
	return netifs.some(({ kind }) => kind !== "unix");
}

export class Server {
	readonly #options: ServerOptions;
	readonly #log: Log;
	readonly #version: string;
	readonly #pump = new Pump();
	readonly #engine: StorageEngine;
	readonly #commits: GroupCommit;
	readonly #ports = new Map<string, Port>();
	readonly #blades: Blade[] = [];
	/** Where each blade is served. */
	readonly #portsOf = new Map<Blade, Port[]>();
	/** What gives back the addresses that no other process of this machine may have. */
	readonly #addresses: (() => void)[] = [];
	readonly #machine = machineId();
	readonly #faults: FaultLog;
	#toldUnmapped = false;
	#closing: Promise<void> | null = null;

	constructor(options: ServerOptions, log: Log, version: string) {
		this.#options = options;
		this.#log = log;
		this.#version = version;
		this.#faults = new FaultLog(log);
		// The engine drains first: a flush that a commit starts then covers what the engine has just done.
		this.#engine = new StorageEngine(this.#pump);
		this.#engine.watchLack(this.#faults.lack);
		this.#commits = new GroupCommit(this.#pump);
		log.verbose(`storage engine: ${this.#engine.description}`);
	}

	/** Opens a blade's storage and links; it is served after `serve`. `blades` is how many there will be on each port. */
	async add(spec: BladeSpec, blades: ReadonlyMap<string, number>): Promise<void> {
		const unique = new Set<Port>();
		for (const netif of spec.netifs) unique.add(await this.#port(netif, blades));
		const ports = [...unique];
		const blade = this.#makeBlade(spec);
		blade.disk.onFault = ({ name }, op, status, errno, lba) =>
			this.#faults.failed(name, op, status, errno, lba);
		this.#blades.push(blade);
		this.#portsOf.set(blade, ports);
		for (const netif of new Map(spec.netifs.map((each) => [portKey(each), each])).values())
			this.#takeAddress(blade, netif);
		blade.disk.device.onChange(() => this.#resized(blade));
	}

	/** Makes sure that nobody else has one of our addresses, then answers on all links and makes the blades known. */
	async serve(): Promise<void> {
		for (const { target } of this.#ports.values()) target.start();
		await Promise.all([...this.#ports.values()].map((port) => this.#claim(port)));
		for (const { target } of this.#ports.values()) target.serveClaims();
	}

	get blades(): ServedBlade[] {
		return this.#blades.map(({ name, disk: { device } }) => ({
			name,
			sectors: device.info.sizeBytes / SECTOR_BYTES,
			readOnly: device.info.readOnly,
		}));
	}

	/** Stops answering, waits for what is under way, gives everything back. */
	close(): Promise<void> {
		this.#closing ??= this.#closeInOrder();
		return this.#closing;
	}

	async #closeInOrder(): Promise<void> {
		for (const port of this.#ports.values()) port.target.stop();
		for (const giveBack of this.#addresses.splice(0)) giveBack();
		// New requests are refused from here on; those under way are answered while links are still open.
		await Promise.all(this.#blades.map(({ disk }) => disk.close()));
		this.#pump.run();
		await Promise.race([
			Promise.all([...this.#ports.values()].map(({ link }) => link.close())),
			sleep(DRAIN_MS),
		]);
		this.#engine.close();
		this.#pump.remove(this.#commits);
		this.#faults.close();
		for (const { rivals } of this.#ports.values()) rivals.close();
	}

	/** What has been counted since the start, a line each. */
	report(): string[] {
		const lines: string[] = [];
		for (const { link, stats, registry, target } of this.#ports.values()) {
			const { framesIn, framesOut, droppedIn, droppedOut } = link.stats;
			lines.push(
				`${link.name}: ${link.status}`,
				`${link.name}: frames in ${framesIn}, out ${framesOut}, dropped in ${droppedIn}, out ${droppedOut}`,
			);
			for (const [reason, count] of stats.rejections())
				lines.push(`${link.name}: ${counted(count, "frame")} ${REJECT_REASONS[reason]}`);
			lines.push(`${link.name}: ${counted(registry.size, "blade")} served`);
			for (const { blade, mac, since } of target.silences())
				lines.push(
					`${blade.name}: silent on ${link.name}, for ${formatMac(mac)} answers there since ${since.toISOString()}`,
				);
		}
		for (const blade of this.#blades) {
			const { reads, readBytes, writes, writtenBytes, flushes, trims, errors } = blade.disk.stats;
			lines.push(
				`${blade.name}: reads ${reads} (${readBytes} bytes), writes ${writes} (${writtenBytes} bytes), ` +
					`flushes ${flushes}, trims ${trims}, errors ${errors}`,
			);
		}
		const { putOff } = this.#engine;
		if (putOff > 0) lines.push(`storage: ${counted(putOff, "request")} had to wait for a thread`);
		return [...this.#faults.report(), ...lines];
	}

	async #port(netif: NetifSpec, blades: ReadonlyMap<string, number>): Promise<Port> {
		const key = portKey(netif);
		const known = this.#ports.get(key);
		if (known !== undefined) return known;
		const link = await openLink(netif, this.#pump, {
			framesInFlight: this.#options.bufferCount * (blades.get(key) ?? 1),
			pollUs: this.#options.pollUs,
			xdp: this.#options.xdp,
			leastMtu: LEAST_MTU,
			log: (message, level = "warn") => this.#log[level](message),
		});
		const registry = new Registry();
		const stats = new TargetStats();
		const rivals = new RivalLog(link.name, this.#log);
		const target = new AoeTarget({
			link,
			registry,
			stats,
			firmwareVersion: firmwareNumber(this.#version),
			force: this.#options.force,
			ownMacs: () => new Set([...this.#ports.values()].map((port) => port.link.mac)),
			onConflict: (blade, mac) =>
				this.#log.warn(
					`${blade.name}: ${formatMac(mac)} on ${link.name} answers for the same shelf and slot`,
				),
			onSilenced: (blade, mac, why) => rivals.silenced(blade.name, formatMac(mac), why),
			onServedAgain: (blade, mac) => rivals.servedAgain(blade.name, formatMac(mac)),
		});
		const port = { link, registry, target, stats, rivals };
		this.#ports.set(key, port);
		return port;
	}

	#makeBlade(spec: BladeSpec): Blade {
		const { shelf, slot, storage } = spec;
		const { bufferCount, macs, offsetSectors, lengthSectors, durability, readOnly, direct } = this.#options;
		const name = `e${shelf}.${slot}`;
		const device = openStorage(
			storage,
			{
				readOnly,
				direct,
				offsetSectors,
				lengthSectors,
				durability,
				stalls: this.#faults.stallsOf(name, offsetSectors),
				onUnmapped: () => this.#tellUnmapped(name, storage.name),
				onShrunk: (sizeBytes) =>
					this.#log.error(
						`${name}: ${storage.name} has shrunk to ${sizeBytes / SECTOR_BYTES} sectors; requests behind its end fail`,
					),
			},
			this.#engine,
			this.#commits,
		);
		const seed = `${this.#machine}\0${storageIdentity(storage)}\0${offsetSectors}`;
		const disk = new Disk(name, makeIdentity(seed, this.#version), device);
		const blade = new Blade(shelf, slot, AtaDisk.of(disk), bufferCount);
		for (const mac of macs) blade.access.mask.add(mac);
		return blade;
	}

	/** The first one is told; with it are all that follow. */
	#tellUnmapped(name: string, file: string): void {
		if (this.#toldUnmapped) return;
		this.#toldUnmapped = true;
		this.#log.info(
			`${name}: no address space is left to map ${file}: it, and more like it, are served by a longer way`,
		);
	}

	/** Asks one link who has the addresses of the blades on it. Throws an OperatorError if others do. */
	async #claim(port: Port): Promise<void> {
		const { link, target } = port;
		const blades = this.#blades.filter((blade) => this.#portsOf.get(blade)?.includes(port));
		if (!(await comesUp(link)))
			this.#log.warn(
				`${link.name} is down: who else answers for ${namesOf(blades)} is asked when it comes up`,
			);
		const owners = blades.map((blade) => target.claim(blade));
		// Now that it is known of which shelves answers will come.
		target.registryChanged();
		for (const [index, mac] of (await Promise.all(owners)).entries())
			if (mac !== undefined) this.#isTaken(blades[index]!, `${formatMac(mac)} on ${link.name}`);
	}

	/** Keeps other processes of this machine from the same address on the same interface, which the network can't tell of. */
	#takeAddress(blade: Blade, netif: NetifSpec): void {
		const giveBack = takeOnInterface(netif, blade.name);
		if (giveBack !== undefined) this.#addresses.push(giveBack);
		else this.#isTaken(blade, `another process of this machine on ${netif.name}`);
	}

	#isTaken({ shelf, slot }: Blade, by: string): void {
		const who = `${by} already answers for shelf ${shelf} slot ${slot}`;
		if (!this.#options.force)
			throw new OperatorError(
				`${who}; two hosts with one address destroy each other's data (--force to serve anyway)`,
			);
		this.#log.warn(`${who}; served anyway (--force)`);
	}

	#resized(blade: Blade): void {
		this.#log.info(`${blade.name}: now ${blade.disk.device.info.sizeBytes / SECTOR_BYTES} sectors`);
		for (const { target } of this.#portsOf.get(blade) ?? []) target.advertise(blade);
	}
}

/** False if a link stays down. */
async function comesUp(link: Link): Promise<boolean> {
	for (let waitedMs = 0; !link.up && waitedMs < UP_LIMIT_MS; waitedMs += UP_POLL_MS) await sleep(UP_POLL_MS);
	return link.up;
}

/** `e9.0 and 3 others`: a message is one line, however many there are. */
function namesOf(blades: readonly Blade[]): string {
	const first = blades[0]?.name ?? "nothing";
	return blades.length > 1 ? `${first} and ${counted(blades.length - 1, "other")}` : first;
}

/** The version as the 16 bits of a config response: major in the high byte, minor in the low one. */
function firmwareNumber(version: string): number {
	const [major = 0, minor = 0] = version.split(".").map(Number);
	return ((major & 0xff) << 8) | (minor & 0xff);
}

/** What stays the same from one start to the next, so that an initiator sees the same disk again. */
function machineId(): string {
	try {
		return readFileSync("/etc/machine-id", "utf8").trim();
	} catch {
		return hostname();
	}
}
