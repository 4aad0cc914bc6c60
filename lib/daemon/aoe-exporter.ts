/**
 * Disks as AoE blades: links are opened and sized, addresses are taken from other processes and asked of other hosts, blades
 * are listed, changed and withdrawn. One row of the daemon's table of exporters.
 *
 *   netif --> link --> AoE target --> registry --> blade --> ATA disk --> disk --> storage (layers over file or memory)
 */

import { setTimeout as sleep } from "node:timers/promises";
import { Blade } from "../aoe/blade.js";
import { AtaDisk } from "../ata/disk.js";
import type { Disk } from "../disk.js";
import { OperatorError } from "../errors.js";
import { takeOnInterface } from "../link/exclusive.js";
import type { Link } from "../link/link.js";
import type { Log } from "../log.js";
import type { AoeExportSpec, LinkSpec } from "../spec/spec.js";
import { counted, quote } from "../text.js";
import { formatMac } from "../wire/mac.js";
import { type AoeExport, AoeExports } from "./aoe-exports.js";
import { type Place, Places } from "./aoe-places.js";
import { type AccessListener, accessOf, BladeAccess, takeUp } from "./blade-access.js";
import type { Addition, Exporter } from "./exporter.js";
import { type Outlet, Outlets, type OutletsOptions } from "./outlets.js";
import { setOn, withSet } from "./set-access.js";

/** How long a link may take to be up: the kernel tells of one that has just come up only once a second. */
const UP_LIMIT_MS = 1500;
const UP_POLL_MS = 20;
const GIVEN_TWICE = "given twice on one interface";

export class AoeExporter implements Exporter<AoeExportSpec> {
	readonly #log: Log;
	readonly #access: BladeAccess;
	readonly #outlets: Outlets;
	readonly #exports = new AoeExports();
	readonly #placesFor = new Places();
	/** How often an export has come, gone, or changed. */
	changes = 0;

	/** `onSet` is told what initiators have set on an export, each time. */
	constructor(options: OutletsOptions, onSet: AccessListener = () => undefined) {
		this.#access = new BladeAccess(onSet);
		this.#log = options.log;
		this.#outlets = new Outlets(options);
	}

	plan(specs: readonly AoeExportSpec[], links: readonly LinkSpec[]): Addition<AoeExportSpec> {
		const places = new Map(specs.map((spec) => [spec, this.#placesFor.of(spec)]));
		const planned = new Set<string>();
		for (const [{ shelf, slot }, those] of places)
			for (const { key } of those) {
				const isLeaving = this.#exports.at(key)?.isLeaving;
				if (isLeaving !== undefined || planned.has(key))
					throw new OperatorError(
						`shelf ${shelf} slot ${slot} is ${isLeaving ? "still being removed" : GIVEN_TWICE}`,
					);
				planned.add(key);
			}
		const linkOf = new Map(links.map((link) => [link.netif.name, link]));
		/** Frames that those of these may have under way that are still to come, by link. */
		const frames = new Map<string, number>();
		for (const [{ bufferCount }, those] of places)
			for (const { linkKey } of those) frames.set(linkKey, (frames.get(linkKey) ?? 0) + bufferCount);
		return {
			prepare: (spec) => this.#prepare(spec, places.get(spec) ?? this.#placesFor.of(spec), frames, linkOf),
			add: (spec, disk) => this.#add(spec, disk),
			serve: () => this.#serve(specs.map(({ name }) => this.#exports.get(name))),
		};
	}

	async #prepare(
		spec: AoeExportSpec,
		places: readonly Place[],
		planned: Map<string, number>,
		links: ReadonlyMap<string, LinkSpec>,
	): Promise<void> {
		const { name } = spec;
		const other = this.#exports.find(name);
		if (other !== undefined)
			throw new OperatorError(
				`export ${quote(name)}: ${other.isLeaving ? "it is still being removed" : "there is one of this name already"}`,
			);
		const parts = { spec, places, outlets: [], addresses: [] };
		const exported: AoeExport = { ...parts, blade: null, isLeaving: false };
		this.#exports.put(exported);
		try {
			for (const { netif, linkKey } of places) {
				const frames = planned.get(linkKey) ?? 0;
				const link = links.get(netif.name);
				exported.outlets.push(await this.#outlets.take(linkKey, netif, spec.bufferCount, frames, link));
				planned.set(linkKey, frames - spec.bufferCount);
			}
		} catch (error) {
			await this.remove(name);
			throw error;
		}
	}

	#add(spec: AoeExportSpec, disk: Disk): void {
		this.changes += 1;
		const { name, shelf, slot, macs, bufferCount, configString, force } = spec;
		const exported = this.#exports.get(name);
		const blade = new Blade(shelf, slot, AtaDisk.of(disk), bufferCount, force);
		blade.change(macs, bufferCount, configString);
		this.#access.begin(exported, blade);
		exported.blade = blade;
		for (const { netif, interfaceName } of exported.places) {
			const giveBack = takeOnInterface(netif, interfaceName, blade.name);
			if (giveBack !== undefined) exported.addresses.push(giveBack);
			else this.#isTaken(blade, `another process of this machine on ${netif.name}`);
		}
	}

	async #serve(exports: readonly AoeExport[]): Promise<void> {
		const claims = new Map<Outlet, AoeExport[]>();
		for (const each of exports)
			for (const outlet of each.outlets) {
				const others = claims.get(outlet) ?? [];
				others.push(each);
				claims.set(outlet, others);
			}
		for (const outlet of claims.keys()) {
			if (!outlet.started) outlet.target.start();
			outlet.started = true;
		}
		await Promise.all([...claims].map(([outlet, those]) => this.#claim(outlet, those)));
		for (const outlet of claims.keys()) {
			if (!outlet.serving) outlet.target.serveClaims();
			outlet.serving = true;
		}
	}

	/** Asks one link who has the addresses of exports, but for those that leave meanwhile. Throws an OperatorError if others do. */
	async #claim({ link, target }: Outlet, exports: readonly AoeExport[]): Promise<void> {
		const staying = () => exports.filter(({ isLeaving }) => !isLeaving);
		const isUp = await comesUp(link, () => staying().length > 0);
		const blades = staying().flatMap(({ blade }) => blade ?? []);
		if (blades.length === 0) return;
		if (!isUp)
			this.#log.warn(
				`${link.name} is down: who else answers for ${namesOf(blades)} is asked when it comes up`,
			);
		const owners = blades.map((blade) => target.claim(blade));
		for (const [index, mac] of (await Promise.all(owners)).entries())
			if (mac !== undefined) this.#isTaken(blades[index]!, `${formatMac(mac)} on ${link.name}`);
	}

	#isTaken({ shelf, slot, force }: Blade, by: string): void {
		const who = `${by} already answers for shelf ${shelf} slot ${slot}`;
		if (!force)
			throw new OperatorError(
				`${who}; two hosts with one address destroy each other's data (--force to serve anyway)`,
			);
		this.#log.warn(`${who}; served anyway (--force)`);
	}

	change(spec: AoeExportSpec): boolean {
		const exported = this.#exports.get(spec.name);
		if (exported.blade === null || isAnother(exported.spec, spec)) return false;
		const more = spec.bufferCount - exported.spec.bufferCount;
		for (const outlet of exported.outlets) this.#outlets.resize(outlet, more);
		const { access } = withSet(spec, setOn(exported.spec, accessOf(exported.blade)));
		exported.blade.change(spec.macs, spec.bufferCount, spec.configString);
		if (access !== undefined) takeUp(exported.blade, access);
		exported.spec = spec;
		this.#access.configured(exported.blade);
		this.changes += 1;
		for (const { target } of exported.outlets) target.advertise(exported.blade);
		return true;
	}

	resized(disk: Disk): void {
		for (const exported of this.#exports.all()) {
			const { blade, outlets } = exported;
			if (blade?.disk !== disk) continue;
			this.#access.follow(exported, blade);
			for (const { target } of outlets) target.advertise(blade);
		}
	}

	/** What is reserved is held there. */
	moved(disk: Disk): void {
		for (const { blade } of this.#exports.all()) if (blade?.disk === disk) blade.access.end();
	}

	withdraw(name: string): void {
		const exported = this.#exports.get(name);
		const { blade, outlets, addresses } = exported;
		exported.isLeaving = true;
		this.changes += 1;
		if (blade !== null) for (const { target } of outlets) target.release(blade);
		blade?.access.end();
		for (const giveBack of addresses.splice(0)) giveBack();
	}

	fence(name: string): void {
		const { blade, outlets } = this.#exports.get(name);
		if (blade !== null) for (const { target } of outlets) target.fence(blade);
	}

	async remove(name: string, limitMs?: number): Promise<void> {
		const exported = this.#exports.find(name);
		if (exported === undefined) return;
		this.withdraw(name);
		this.#exports.remove(exported);
		this.changes += 1;
		const { bufferCount } = exported.spec;
		await Promise.all(exported.outlets.map((outlet) => this.#outlets.giveBack(outlet, bufferCount, limitMs)));
	}

	stop(): void {
		for (const { target } of this.#outlets.all()) target.stop();
	}

	/** The links, and what is served on each. */
	outlets(): Iterable<Outlet> {
		return this.#outlets.all();
	}

	exported(): Iterable<AoeExport> {
		return this.#exports.all();
	}

	exportsOf(disk: string): Iterable<AoeExport> {
		return this.#exports.of(disk);
	}

	report(): string[] {
		return this.#outlets.report();
	}
}

/** What can't be changed is what initiators know the blade by, and what it is. */
function isAnother(one: AoeExportSpec, other: AoeExportSpec): boolean {
	const fixed = ({ disk, shelf, slot, netifs, force }: AoeExportSpec): string =>
		JSON.stringify([disk, shelf, slot, netifs, force]);
	return fixed(one) !== fixed(other);
}

/** False if a link stays down while somebody wants it. */
async function comesUp(link: Link, isWanted: () => boolean): Promise<boolean> {
	for (let waitedMs = 0; !link.up && isWanted() && waitedMs < UP_LIMIT_MS; waitedMs += UP_POLL_MS)
		await sleep(UP_POLL_MS);
	return link.up;
}

/** `e9.0 and 3 others`: a message is one line, however many there are. */
function namesOf(blades: readonly Blade[]): string {
	const first = blades[0]?.name ?? "nothing";
	return blades.length > 1 ? `${first} and ${counted(blades.length - 1, "other")}` : first;
}
