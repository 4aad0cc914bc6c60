/**
 * What only this machine can tell of a configuration that is written well: users, files and interfaces that are not there, files that are
 * one by two names. An error is what the daemon can't start with, or what takes away something that was asked for; what may come
 * later is a warning. Called by `check.ts`; nothing is opened but files with secrets (`check-secrets.ts`).
 */

import { stat } from "node:fs/promises";
import path from "node:path";
import { type Found, Looks } from "../block/looks.js";
import { OperatorError } from "../errors.js";
import { Errno } from "../native.js";
import { wanting } from "../opener/means.js";
import { within } from "../opener/patience.js";
import { firstOf, groupsOf, twinText } from "../opener/twins.js";
import { HEAD_NAME } from "../pool/folder.js";
import type { Config } from "../spec/config.js";
import type { DiskConfig } from "../spec/configuration.js";
import { linksOf } from "../spec/netif.js";
import { type Place, PlacedError } from "../spec/place.js";
import type { DiskSpec, NetifSpec } from "../spec/spec.js";
import { quote } from "../text.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { type Faults, LOOK_LIMIT_MS, secretFaults } from "./check-secrets.js";
import type { MachineHere } from "./machine-here.js";

/** `main`: where to show what is wrong because nothing is written. */
export async function faultsHere(config: Config, main: Place, machine: MachineHere): Promise<Faults> {
	const folders = await folderFaults(config);
	const files = await fileFaults(config);
	const errors = [
		...userErrors(config, machine),
		...folders.errors,
		...files.errors,
		...(await listenErrors(config, machine)),
	];
	const warnings = [
		...absentOwners(config, main, machine),
		...folders.warnings,
		...brokenDisks(config),
		...unservedDisks(config),
		...absentInterfaces(config, machine),
		...absentFromTemplates(config, machine),
		...files.warnings,
		...(await poolWarnings(config)),
		...shortages(config, main, machine),
	];
	const secrets = await secretFaults(config);
	return { errors: [...errors, ...secrets.errors], warnings: [...warnings, ...secrets.warnings] };
}

function shortages({ daemon, disks, placeOf }: Config, main: Place, machine: MachineHere): PlacedError[] {
	const place = placeOf(["daemon", "workers"]) ?? main;
	return wanting(daemon.workers, disks.length, machine.means()).map((what) => new PlacedError(place, what));
}

function userErrors({ daemon: { user }, placeOf }: Config, machine: MachineHere): PlacedError[] {
	const place = placeOf(["daemon", "user"]);
	if (user === undefined || place === undefined) return [];
	const kind = machine.user(user);
	if (kind === "ordinary") return [];
	const why = kind === "root" ? "is root; name an ordinary user" : "there is no such user";
	return [new PlacedError(place, `user ${quote(user)}: ${why}`)];
}

/** What is done instead is in the manual, but may not be what was meant. */
function absentOwners({ daemon }: Config, main: Place, machine: MachineHere): PlacedError[] {
	const told: string[] = [];
	if (daemon.user === undefined && machine.user("vblade") === "none")
		told.push(
			'there is no user "vblade", and daemon.user names no other: the processes that serve become nobody',
		);
	if (!machine.hasGroup("vblade")) told.push('there is no group "vblade": only root may ask the daemon');
	return told.map((what) => new PlacedError(main, what));
}

/** The state's folder is made if it is not there; those that are allowed are not. */
async function folderFaults({ daemon: { state, allow }, placeOf }: Config): Promise<Faults> {
	const found = await new Looks().look([state, ...allow], LOOK_LIMIT_MS);
	const stateAt = placeOf(["daemon", "state"]);
	const isFile = found.get(state)?.kind === "storage";
	const errors =
		isFile && stateAt ? [new PlacedError(stateAt, `state ${state}: is a file, and no folder`)] : [];
	const warnings = allow.flatMap((folder, index) => {
		const place = placeOf(["daemon", "allow", index]);
		const { kind = "other" } = found.get(folder) ?? {};
		if (kind === "other" || place === undefined) return [];
		const why = kind === "missing" ? "there is no such folder now" : "is a file, and no folder";
		return [new PlacedError(place, `allow ${folder}: ${why}`)];
	});
	return { errors, warnings };
}

async function listenErrors(config: Config, machine: MachineHere): Promise<PlacedError[]> {
	const found: PlacedError[] = [];
	const check = async (
		section: "http" | "nbd" | "iscsi" | "boot",
		index: number,
		name: string,
		host: string,
	) => {
		const place = config.placeOf([section, "listen", index]);
		if (place !== undefined && !(await machine.hasAddress(host)))
			found.push(new PlacedError(place, `listen ${quote(name)}: this machine has no such address`));
	};
	for (const section of ["http", "boot"] as const)
		for (const [index, { name, host }] of config[section].listen.entries())
			await check(section, index, name, host);
	for (const section of ["nbd", "iscsi"] as const)
		for (const [index, socket] of config[section].listen.entries())
			if (socket.kind === "tcp") await check(section, index, socket.name, socket.address);
	return found;
}

function brokenDisks({ disks }: Config): PlacedError[] {
	return disks.flatMap(({ name, broken, placeOf }) =>
		broken === undefined
			? []
			: [new PlacedError(placeOf(["aoe", "netif"]), `disk ${name}: can't be served at present: ${broken}`)],
	);
}

/** That may be meant, for the time being; nobody can use it. */
function unservedDisks({ disks }: Config): PlacedError[] {
	return disks.flatMap(({ name, broken, exports, partOf, placeOf }) =>
		broken === undefined && exports.length === 0 && partOf === undefined
			? [
					new PlacedError(
						placeOf(),
						`disk ${name}: nothing serves it, for it has neither aoe nor nbd nor iscsi`,
					),
				]
			: [],
	);
}

/** Each once, where it is named first. */
function absentInterfaces({ disks }: Config, machine: MachineHere): PlacedError[] {
	const named = new Map<string, { place: Place; disks: string[] }>();
	for (const { name, settings, broken, placeOf } of disks) {
		if (broken !== undefined) continue;
		for (const [index, text] of (settings.aoe?.netif ?? []).entries())
			for (const netif of linksOf([text], machine.interfaceNames)) {
				if (netif.kind !== "interface") continue;
				const known = named.get(netif.name) ?? { place: placeOf(["aoe", "netif", index]), disks: [] };
				named.set(netif.name, known);
				known.disks.push(name);
			}
	}
	return [...named].flatMap(
		([
			netif,
			{
				place,
				disks: [first = "", ...others],
			},
		]) => {
			if (machine.hasInterface(netif)) return [];
			const who = others.length === 0 ? `disk ${first} is` : `disk ${first} and ${others.length} more are`;
			return [
				new PlacedError(
					place,
					`netif ${quote(netif)}: there is no such interface now; ${who} served when it has come`,
				),
			];
		},
	);
}

function absentFromTemplates({ templates }: Config, machine: MachineHere): PlacedError[] {
	return templates.flatMap(({ name, netif, placeOf }) =>
		netif.flatMap((text, index) => {
			const isThere = ({ kind, name }: NetifSpec) => kind !== "interface" || machine.hasInterface(name);
			if (isFound(text, machine) && linksOf([text], machine.interfaceNames).every(isThere)) return [];
			const what = `netif ${quote(text)}: there is no such interface now; template ${name} has no place for machines there`;
			return [new PlacedError(placeOf(["netif", index]), what)];
		}),
	);
}

/** A glob may mean none. */
function isFound(netif: string, { interfaceNames }: MachineHere): boolean {
	try {
		return linksOf([netif], interfaceNames).length > 0;
	} catch (error) {
		if (!(error instanceof OperatorError)) throw error;
		return false;
	}
}

/** Of two that have one file one is not served, which takes away what a disk was to be made of. */
async function fileFaults({ disks }: Config): Promise<Faults> {
	const files = disks.flatMap((disk) => {
		const { storage } = disk.disk;
		return storage.kind === "file" ? [{ disk, path: storage.path }] : [];
	});
	const found = await new Looks().look(
		files.map(({ path }) => path),
		LOOK_LIMIT_MS,
	);
	const groups = groupsOf(disks, found);
	const errors: PlacedError[] = [];
	const warnings = files.map(async ({ disk, path }) => {
		const file = found.get(path);
		const group = file?.kind === "storage" ? groups.get(file.identity) : undefined;
		const first = group && firstOf(group, path, disk.disk);
		if (first !== undefined && disk.partOf !== undefined) {
			errors.push(fileFault(disk, path, `${twinText(first)}: disk ${disk.partOf} can't be made of it`));
			return [];
		}
		const why = first === undefined ? whyAbsent(file) : `${twinText(first)}: it is not served`;
		const told = why ?? (await whyTooShort(disk.disk, path));
		return told === undefined ? [] : [fileFault(disk, path, told)];
	});
	return { warnings: (await Promise.all(warnings)).flat(), errors };
}

/** Its first look was answered; of one that does not answer another one nothing is said. */
async function whyTooShort(spec: DiskSpec, path: string): Promise<string | undefined> {
	const stats = await within(LOOK_LIMIT_MS, path, stat(path)).catch(() => undefined);
	if (stats === undefined || !stats.isFile()) return undefined;
	const { offsetSectors, lengthSectors = 1 } = spec;
	const sectors = Math.floor(stats.size / SECTOR_BYTES);
	if (offsetSectors + lengthSectors <= sectors) return undefined;
	return sectors === 0
		? "holds less than a sector; the disk is served when there is more"
		: `has ${sectors} sectors, and the disk's offset and length want ${offsetSectors + lengthSectors}`;
}

async function poolWarnings({ pools }: Config): Promise<PlacedError[]> {
	const headOf = (folder: string): string => path.join(folder, HEAD_NAME);
	const found = await new Looks().look(
		pools.flatMap(({ path: folder, stored }) => (stored === undefined ? [folder, headOf(folder)] : [])),
		LOOK_LIMIT_MS,
	);
	return pools.flatMap((pool) => {
		// (On a block device nothing is to be seen of it, on disks only where these are open, and of an object store nobody is asked.)
		if (pool.disks !== undefined || pool.stored !== undefined || found.get(pool.path)?.kind === "storage")
			return [];
		const head = found.get(headOf(pool.path));
		if (head?.kind === "storage") return [];
		const isMissing = head?.kind === "missing" && head.errno === Errno.ENOENT;
		const why = isMissing ? "is no pool now; vblade pool create makes one" : whyAbsent(head);
		return [new PlacedError(pool.placeOf(), `pool ${pool.name}: ${pool.path} ${why}`)];
	});
}

function fileFault({ name, placeOf }: DiskConfig, path: string, why: string): PlacedError {
	return new PlacedError(placeOf(["file"]), `disk ${name}: ${path} ${why}`);
}

function whyAbsent(found: Found | undefined): string | undefined {
	if (found === undefined) return `does not answer within ${LOOK_LIMIT_MS / 1000} s`;
	if (found.kind === "storage") return undefined;
	if (found.kind === "other") return "is neither a regular file nor a block device";
	return found.errno === Errno.ENOENT
		? "is not there now; the disk is served when it has come"
		: `can't be looked at by this user (errno ${found.errno})`;
}
