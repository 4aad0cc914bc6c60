/**
 * Exports disks over NBD: opens the sockets that specs name, each once, and hands whoever connects to the server (`lib/nbd/`). One row
 * of the table of exporters in `daemon.ts`.
 */

import { closeSync, unlinkSync } from "node:fs";
import type { Disk } from "../disk.js";
import { OperatorError, unreachable } from "../errors.js";
import type { Log } from "../log.js";
import { nativeMemory } from "../native.js";
import type { NbdExport } from "../nbd/export.js";
import { NbdServer } from "../nbd/server.js";
import type { Pump } from "../pump.js";
import type { NbdExportSpec, SocketSpec } from "../spec/spec.js";
import { Listener, listenOnTcp, listenOnUnix } from "../stream/listener.js";
import { quote } from "../text.js";
import type { Addition, Exporter } from "./exporter.js";

export interface NbdExporterOptions {
	readonly pump: Pump;
	readonly log: Log;
}

/** A socket that listens, or will. */
interface Socket {
	readonly spec: SocketSpec;
	/** Nobody is taken in before there is something to serve: until then they wait in the kernel's line. */
	descriptor: number | null;
	listener: Listener | null;
	/** Exports that want it. */
	users: number;
}

interface Exported {
	readonly spec: NbdExportSpec;
	/** Null: it has no disk yet. */
	exported: NbdExport | null;
}

export class NbdExporter implements Exporter<NbdExportSpec> {
	readonly #server: NbdServer;
	readonly #sockets = new Map<string, Promise<Socket>>();
	readonly #exports = new Map<string, Exported>();

	constructor({ pump, log }: NbdExporterOptions) {
		this.#server = new NbdServer({
			pump,
			allocate: nativeMemory,
			onTrouble: (peer, exported, why) => {
				const what = exported === null ? "" : ` (${exported.disk.name})`;
				log.verbose(`nbd: ${peer}${what}: ${why}`);
			},
		});
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
			for (const each of spec.listen) {
				await this.#open(each);
				opened.push(each);
			}
		} catch (error) {
			this.#exports.delete(spec.name);
			for (const each of opened) await this.#giveBack(each);
			throw error;
		}
	}

	async #open(spec: SocketSpec): Promise<void> {
		const opening = this.#sockets.get(spec.name) ?? openSocket(spec);
		this.#sockets.set(spec.name, opening);
		try {
			(await opening).users += 1;
		} catch (error) {
			this.#sockets.delete(spec.name);
			throw error;
		}
	}

	#add(spec: NbdExportSpec, disk: Disk): void {
		const { exportName: name, description } = spec;
		const entry = this.#exports.get(spec.name)!;
		entry.exported = { name, description, disk, accessOf: () => "write" };
	}

	async #serve(specs: readonly NbdExportSpec[]): Promise<void> {
		for (const { name } of specs) {
			const exported = this.#exports.get(name)?.exported;
			if (exported) this.#server.add(exported);
		}
		for (const name of new Set(specs.flatMap(({ listen }) => listen.map((each) => each.name)))) {
			const socket = await this.#sockets.get(name);
			if (socket === undefined || socket.descriptor === null) continue;
			socket.listener = new Listener(socket.descriptor, (stream) => this.#server.accept(stream));
			socket.descriptor = null;
		}
	}

	/** Nothing about it can be changed while it is served. */
	change(): boolean {
		return false;
	}

	/** Clients ask for the size when they connect. */
	resized(): void {}

	withdraw(name: string): void {
		const exported = this.#exports.get(name)?.exported;
		if (exported) this.#server.withdraw(exported);
	}

	fence(name: string): void {
		const exported = this.#exports.get(name)?.exported;
		if (exported) this.#server.cutOff(exported);
	}

	async remove(name: string): Promise<void> {
		const entry = this.#exports.get(name);
		if (entry === undefined) return;
		this.#exports.delete(name);
		if (entry.exported) this.#server.cutOff(entry.exported);
		for (const each of entry.spec.listen) await this.#giveBack(each);
	}

	async #giveBack({ name }: SocketSpec): Promise<void> {
		const socket = await this.#sockets.get(name);
		if (socket === undefined || --socket.users > 0) return;
		this.#sockets.delete(name);
		closeSocket(socket);
	}

	/** Those who are connected go on until their disks are closed. */
	stop(): void {
		for (const { exported } of this.#exports.values()) if (exported) this.#server.withdraw(exported);
	}

	report(): string[] {
		if (this.#exports.size === 0) return [];
		const clients = [...this.#server.connections()].length;
		return [`nbd: clients ${clients}, refused ${this.#server.refused}`];
	}
}

/** For messages: the default export has no name. */
function called(exportName: string): string {
	return exportName === "" ? "the default export" : `export ${quote(exportName)}`;
}

async function openSocket(spec: SocketSpec): Promise<Socket> {
	const descriptor = await listenOn(spec);
	return { spec, descriptor, listener: null, users: 0 };
}

async function listenOn(spec: SocketSpec): Promise<number> {
	switch (spec.kind) {
		case "unix":
			return listenOnUnix(spec.path);
		case "tcp":
			return listenOnTcp(spec.address, spec.port);
		default:
			return unreachable(spec);
	}
}

function closeSocket({ spec, descriptor, listener }: Socket): void {
	listener?.close();
	if (descriptor !== null) closeSync(descriptor);
	if (spec.kind !== "unix") return;
	try {
		unlinkSync(spec.path);
	} catch {
		// (Somebody else has removed it, or may alone.)
	}
}
