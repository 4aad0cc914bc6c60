/**
 * Servers of iSCSI with one LUN, ours and tgt, for other people's clients. Used by the suite's tests, clients' and kernels'. `ISCSI_SERVER=tgt` in
 * the environment puts tgt in the place of ours: a test of the tests.
 */

import { mkdirSync, mkdtempSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { scratchDirectory } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { vbladeCommand } from "../support/paths.js";
import { Program, run } from "../support/process.js";
import { urlAt } from "./discovery.js";
import { startTgt } from "./tgt.js";

const isTgt = process.env.ISCSI_SERVER === "tgt";

/** What one may be: no one kind of LUN can answer all that the suite asks. (A fine one is thin, and a physical block of it is one logical block.) */
export type LunKind = "thin" | "fine" | "removable" | "read-only";

export interface LunPlace {
	/** Address and port of each portal. */
	readonly portals: readonly string[];
	/** This process's, if not given. */
	readonly namespace?: string | undefined;
}

export interface ServedLun {
	/** Of it by each portal. */
	readonly urls: readonly string[];
	/** It is asked to end, and says whether it ended well. */
	end(): Promise<boolean>;
	kill(): Promise<void>;
}

/** Of those that are volumes. */
const PAGES: Readonly<Partial<Record<LunKind, string>>> = { thin: "4K", fine: "512" };

let ports = 3270;

/** A new disk of a kind, on the loopback of the network namespace that this process is in: a volume of a pool if it is thin, else a file. */
export async function serveLun(kind: LunKind, sizeMib: number): Promise<ServedLun> {
	const folder = mkdtempSync(path.join(scratchDirectory(), "l"));
	const place = { portals: [`127.0.0.1:${ports++}`] };
	const isVolume = PAGES[kind] !== undefined && !isTgt;
	const file = isVolume ? await volume(folder, sizeMib, PAGES[kind]) : sparse(folder, sizeMib);
	return await serveFile(file, place, kind);
}

/** A file, or what else our server takes for one. */
export function serveFile(file: string, place: LunPlace, kind: LunKind = "thin"): Promise<ServedLun> {
	return isTgt ? serveByTgt(file, place, kind) : serveByOurs(file, place, kind);
}

async function serveByTgt(file: string, place: LunPlace, kind: LunKind): Promise<ServedLun> {
	const lun = {
		file,
		store: "rdwr",
		isThin: kind !== "read-only",
		isRemovable: kind === "removable",
		isReadOnly: kind === "read-only",
	} as const;
	const tgt = await startTgt(lun, { ...place, folder: scratchDirectory() });
	return { urls: tgt.urls, end: () => tgt.stop().then(() => true), kill: () => tgt.stop() };
}

const OPTIONS: Readonly<Record<LunKind, readonly string[]>> = {
	thin: ["--durability=flush"],
	fine: ["--durability=flush"],
	removable: ["--durability=flush", "--removable"],
	"read-only": ["--read-only"],
};

async function serveByOurs(
	file: string,
	{ portals, namespace }: LunPlace,
	kind: LunKind,
): Promise<ServedLun> {
	// (Port 3260 of all addresses, without one.)
	const address = portals.length > 1 ? [] : portals;
	const program = new Program([...vbladeCommand(), "iscsi", ...OPTIONS[kind], ...address, file], {
		namespace,
	});
	try {
		const urls = await Promise.all(portals.map((portal) => urlAt(portal, program, namespace)));
		return {
			urls,
			end: async () => (await program.stop()).code === 0,
			kill: async () => void (await program.stop("SIGKILL")),
		};
	} catch (error) {
		await program.stop("SIGKILL");
		throw error;
	}
}

function sparse(folder: string, sizeMib: number): string {
	const file = path.join(folder, "disk.img");
	writeFileSync(file, "");
	truncateSync(file, sizeMib * 2 ** 20);
	return file;
}

async function volume(folder: string, sizeMib: number, page = "4K"): Promise<string> {
	const pool = path.join(folder, "pool");
	mkdirSync(pool);
	const commands = [
		["pool", "create", pool],
		["volume", "create", `${pool}/web`, `${sizeMib}M`, "--page", page],
	];
	for (const words of commands) {
		const { code, output } = await run([...vbladeCommand(), ...words], LIMIT_MS);
		if (code !== 0) throw new Error(output);
	}
	return `pool:${pool}/web`;
}
