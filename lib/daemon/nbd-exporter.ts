/**
 * Exports disks over NBD: names and who may have them, and the sockets (`sockets.ts`) from which whoever connects is handed to the server
 * (`lib/nbd/`). One row of the table of exporters in `daemon.ts`.
 */

import type { Departures } from "../departures.js";
import type { Disk } from "../disk.js";
import { OperatorError } from "../errors.js";
import type { Log } from "../log.js";
import { nativeMemory } from "../native.js";
import type { NbdExport } from "../nbd/export.js";
import { NbdServer } from "../nbd/server.js";
import type { Pump } from "../pump.js";
import { TLS_REFUSALS_TOLD } from "../spec/ranges.js";
import type { ListenSpec, NbdExportSpec, NbdTlsSpec, SocketSpec } from "../spec/spec.js";
import { quote } from "../text.js";
import { readMaterial } from "../tls/material.js";
import { ClientLog } from "./client-log.js";
import type { Addition, Exporter } from "./exporter.js";
import type { NbdAbsent } from "./nbd-absent.js";
import { clientState, Exported, whoIs } from "./nbd-exported.js";
import { NbdKeys, type NbdKeysOptions } from "./nbd-keys.js";
import { NbdPasts, Past, type PastOptions } from "./nbd-pasts.js";
import type { NbdState, TlsRefusal, TlsRefusals } from "./nbd-state.js";
import { type OpenSocket, Sockets } from "./sockets.js";
import type { Tls } from "./tls.js";

export type ReadKeys = NbdKeysOptions["read"];

export interface NbdExporterOptions {
	readonly pump: Pump;
	readonly log: Log;
	/** Measures how long requests take. */
	readonly departures?: Departures;
	/** What a disk stores, by name, and what opens what volumes were; by default nobody can read that. */
	readonly past?: PastOptions;
	/** Makes sockets of the process; by default it makes them itself. */
	readonly openSocket?: OpenSocket;
	/** What is configured and not served. */
	readonly absent?: NbdAbsent;
	/** TLS of the process. */
	readonly tls: Tls;
	/** Reads the keys of the process's sockets; by default it opens the files itself. */
	readonly readKeys?: ReadKeys;
}

/** Of one disk, with what they do; how many there are is told of all. */
const CLIENTS_TOLD = 64;

interface Entry {
	spec: NbdExportSpec;
	/** Null: it has no disk yet. */
	exported: Exported | null;
}

export class NbdExporter implements Exporter<NbdExportSpec> {
	readonly #log: Log;
	readonly #tls: Tls;
	readonly #clientLog: ClientLog;
	readonly #server: NbdServer;
	readonly #pasts: NbdPasts | undefined;
	readonly #sockets: Sockets;
	readonly #keys: NbdKeys;
	readonly #exports = new Map<string, Entry>();
	readonly #tlsRefusals: TlsRefusal[] = [];
	/** How often an export has come, gone, or changed. */
	#changes = 0;

	constructor({ pump, log, departures, past, absent, openSocket, tls, readKeys }: NbdExporterOptions) {
		this.#log = log;
		this.#tls = tls;
		this.#pasts = past && new NbdPasts(past);
		this.#clientLog = new ClientLog(log);
		this.#server = new NbdServer({
			...{ pump, allocate: nativeMemory, ...(departures && { departures }) },
			open: (name, client) =>
				this.#pasts?.open(name, client, (base) => this.#named(base)) ?? absent?.find(name, client),
			isOnly: ({ name }) => absent?.hasBeside(name) !== true,
			onCrowded: ({ peer }) => this.#clientLog.crowded(peer),
			onInsecure: ({ peer }, why) => this.#insecure(peer, why),
			onDenied: (client, exported) => {
				if (!(exported instanceof Exported)) return;
				exported.refused += 1;
				this.#clientLog.refused(exported, whoIs(client));
			},
			onBegin: (client, exported) => {
				if (isOurs(exported)) this.#clientLog.came(exported, whoIs(client));
			},
			onEnd: (client, exported, why) => {
				if (exported !== null && isOurs(exported)) this.#clientLog.went(exported, whoIs(client), why);
				else if (why !== null) log.verbose(`nbd: ${client.peer}: ${why}`);
			},
		});
		this.#keys = new NbdKeys({
			...{ log, tls, read: readKeys ?? ((spec) => readMaterial(spec, false)) },
			changed: (serverTls) => {
				this.#server.tls = serverTls;
			},
		});
		this.#sockets = new Sockets({
			log,
			protocol: "nbd",
			accept: (stream) => this.#server.accept(stream),
			...(openSocket && { open: openSocket }),
		});
		if (absent !== undefined) absent.onTold = () => void this.#sockets.begin([]);
	}

	/** Clients of exports without sockets of their own connect there from now on, with this TLS. Who has connected stays. */
	listen({ nbd, nbdTls }: ListenSpec): void {
		void this.#keys.follow(nbdTls);
		void this.#sockets.follow(nbd);
	}

	/** Why nobody can connect at some of those, or not by TLS. */
	get unheard(): readonly string[] {
		return [...this.#sockets.wrong, ...this.#keys.wrong.map((why) => `tls: ${why}`)];
	}

	#insecure(peer: string, why: string): void {
		this.#clientLog.insecure(peer, why);
		this.#tlsRefusals.unshift({ at: new Date().toISOString(), peer, why });
		this.#tlsRefusals.splice(TLS_REFUSALS_TOLD);
	}

	get tlsRefusals(): TlsRefusals {
		return { count: this.#server.insecure, latest: [...this.#tlsRefusals] };
	}

	plan(specs: readonly NbdExportSpec[]): Addition<NbdExportSpec> {
		const names = new Set([...this.#exports.values()].map(({ spec }) => spec.exportName));
		for (const { exportName } of specs) {
			if (names.has(exportName)) throw new OperatorError(`${called(exportName)}: given twice`);
			names.add(exportName);
		}
		return {
			prepare: (spec) => this.#prepare(spec),
			add: (spec, disk) => this.#add(spec, disk),
			serve: () => this.#serve(specs),
		};
	}

	async #prepare(spec: NbdExportSpec): Promise<void> {
		if (this.#exports.has(spec.name))
			throw new OperatorError(`export ${quote(spec.name)}: there is one of this name already`);
		this.#exports.set(spec.name, { spec, exported: null });
		const opened: SocketSpec[] = [];
		try {
			if (spec.tls !== undefined) await this.#secure(spec.tls);
			for (const each of spec.listen ?? []) {
				await this.#sockets.take(each);
				opened.push(each);
			}
		} catch (error) {
			this.#exports.delete(spec.name);
			for (const each of opened) await this.#sockets.giveBack(each);
			throw error;
		}
	}

	/** The keys of an export's own sockets are read while they can be. */
	async #secure(tls: NbdTlsSpec): Promise<void> {
		const { material, warnings } = await readMaterial(tls, false);
		for (const warning of warnings) this.#log.warn(`nbd: tls: ${warning}`);
		this.#server.tls = this.#tls.server(tls, material);
	}

	#add(spec: NbdExportSpec, disk: Disk): void {
		this.#changes += 1;
		this.#exports.get(spec.name)!.exported = new Exported(spec, disk);
	}

	async #serve(specs: readonly NbdExportSpec[]): Promise<void> {
		if (specs.length === 0) return;
		for (const { name } of specs) {
			const exported = this.#exports.get(name)?.exported;
			if (exported) this.#server.add(exported);
		}
		await this.#sockets.begin(specs.flatMap(({ listen }) => listen ?? []));
	}

	/** What it is called by people, and who may have it: who may no longer is cut off. */
	change(spec: NbdExportSpec): boolean {
		const entry = this.#exports.get(spec.name);
		if (entry === undefined || !entry.exported || !isAlike(entry.spec, spec)) return false;
		this.#changes += 1;
		entry.spec = spec;
		entry.exported.change(spec);
		for (const each of this.#withPasts(entry.exported)) this.#server.recheck(each);
		return true;
	}

	/** Clients ask for the size when they connect. */
	resized(): void {}

	/** Clients hold nothing. */
	moved(): void {}

	withdraw(name: string): void {
		const exported = this.#exports.get(name)?.exported;
		if (exported) this.#server.withdraw(exported);
	}

	fence(name: string): void {
		const exported = this.#exports.get(name)?.exported;
		if (exported) this.#cutOff(exported);
	}

	async remove(name: string): Promise<void> {
		const entry = this.#exports.get(name);
		if (entry === undefined) return;
		this.#changes += 1;
		this.#exports.delete(name);
		if (entry.exported) this.#cutOff(entry.exported);
		await this.#pasts?.settled();
		for (const each of entry.spec.listen ?? []) await this.#sockets.giveBack(each);
	}

	#cutOff(exported: Exported): void {
		for (const each of this.#withPasts(exported)) this.#server.cutOff(each);
	}

	/** And with what it was, as far as somebody has that. */
	#withPasts(exported: Exported): NbdExport[] {
		return [exported, ...(this.#pasts?.of(exported) ?? [])];
	}

	/** That is served by this name, or is the volume that has it. */
	#named(name: string): Exported | undefined {
		const served = this.#server.find(name);
		if (served instanceof Exported) return served;
		for (const { exported } of this.#exports.values()) {
			const isServed = exported !== null && this.#server.find(exported.name) === exported;
			if (isServed && this.#pasts?.volumeOf(exported)?.storage.name === name) return exported;
		}
		return undefined;
	}

	/** Nobody reads any more what volumes of the pool at that path were. */
	leavePasts(pool: string): void {
		for (const { exported } of this.#exports.values()) {
			if (exported === null || this.#pasts?.volumeOf(exported)?.storage.pool !== pool) continue;
			for (const past of this.#pasts.of(exported)) this.#server.cutOff(past);
		}
	}

	/** Whether somebody reads that snapshot of the pool in that directory: `web@monday`. */
	readsPast(folder: string, name: string): boolean {
		return this.#pasts?.isRead(folder, name) ?? false;
	}

	/** Those who are connected go on until their disks are closed. */
	stop(): void {
		this.#sockets.close();
		this.#keys.close();
		this.#clientLog.close();
		for (const { exported } of this.#exports.values()) if (exported) this.#server.withdraw(exported);
	}

	/** Another number whenever somebody has come, gone, or asked for anything. */
	get activity(): number {
		return this.#server.activity + this.#changes;
	}

	/** What the disk is served as, and to whom; null: it is not served. */
	stateOf(disk: string): NbdState | null {
		for (const { spec, exported } of this.#exports.values()) {
			if (spec.disk !== disk || exported === null) continue;
			const all = new Set<NbdExport | null>(this.#withPasts(exported));
			const clients = [...this.#server.connections()].filter((each) => all.has(each.exported));
			const { name, description, refused } = exported;
			const told = clients.slice(0, CLIENTS_TOLD);
			return { name, description, refused, clientCount: clients.length, clients: told.map(clientState) };
		}
		return null;
	}

	report(): string[] {
		if (this.#exports.size === 0) return [];
		const clients = [...this.#server.connections()].length;
		const { refused, insecure } = this.#server;
		return [`nbd: clients ${clients}, refused ${refused}, refused by TLS ${insecure}`];
	}
}

function isOurs(exported: NbdExport): exported is Exported | Past {
	return exported instanceof Exported || exported instanceof Past;
}

/** For messages: the default export has no name. */
function called(exportName: string): string {
	return exportName === "" ? "the default export" : `export ${quote(exportName)}`;
}

/** But for what can be changed. */
function isAlike(one: NbdExportSpec, other: NbdExportSpec): boolean {
	const names = (spec: NbdExportSpec) => spec.listen?.map(({ name }) => name).join("\n");
	return one.disk === other.disk && one.exportName === other.exportName && names(one) === names(other);
}
