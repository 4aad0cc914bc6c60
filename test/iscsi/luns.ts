/**
 * Servers of iSCSI with one LUN, ours and tgt, for other people's clients: on the loopback of the network namespace that this process is in.
 * Used by the suite's tests and by clients'. `ISCSI_SERVER=tgt` in the environment puts tgt in the place of ours: a test of the tests.
 */

import { mkdirSync, mkdtempSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { scratchDirectory } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { vbladeCommand } from "../support/paths.js";
import { Program, run } from "../support/process.js";
import { urlAt } from "./discovery.js";
import { startTgt } from "./tgt.js";

/** What one may be: no one kind of LUN can answer all that the suite asks. */
export type LunKind = "thin" | "removable" | "read-only";

export interface ServedLun {
	/** Two paths to it. */
	readonly urls: readonly [string, string];
	stop(): Promise<void>;
}

let ports = 3270;

export function serveLun(kind: LunKind, sizeMib: number): Promise<ServedLun> {
	const folder = mkdtempSync(path.join(scratchDirectory(), "l"));
	const address = `127.0.0.1:${ports++}`;
	return process.env.ISCSI_SERVER === "tgt"
		? serveByTgt(kind, sizeMib, folder, address)
		: serveByOurs(kind, sizeMib, folder, address);
}

async function serveByTgt(
	kind: LunKind,
	sizeMib: number,
	folder: string,
	portal: string,
): Promise<ServedLun> {
	const lun = {
		file: sparse(folder, sizeMib),
		store: "rdwr",
		isThin: kind !== "read-only",
		isRemovable: kind === "removable",
		isReadOnly: kind === "read-only",
	} as const;
	const tgt = await startTgt(lun, { folder, portals: [portal] });
	const [url = ""] = tgt.urls;
	return { urls: [url, url], stop: () => tgt.stop() };
}

const OPTIONS: Readonly<Record<LunKind, readonly string[]>> = {
	thin: [],
	removable: ["--removable"],
	"read-only": ["--read-only"],
};

async function serveByOurs(
	kind: LunKind,
	sizeMib: number,
	folder: string,
	address: string,
): Promise<ServedLun> {
	const file = kind === "thin" ? `pool:${await volume(folder, sizeMib)}` : sparse(folder, sizeMib);
	const program = new Program([...vbladeCommand(), "iscsi", ...OPTIONS[kind], address, file]);
	try {
		const url = await urlAt(address, program);
		return { urls: [url, url], stop: async () => void (await program.stop()) };
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

async function volume(folder: string, sizeMib: number): Promise<string> {
	const pool = path.join(folder, "pool");
	mkdirSync(pool);
	const commands = [
		["pool", "create", pool],
		["volume", "create", `${pool}/web`, `${sizeMib}M`],
	];
	for (const words of commands) {
		const { code, output } = await run([...vbladeCommand(), ...words], LIMIT_MS);
		if (code !== 0) throw new Error(output);
	}
	return `${pool}/web`;
}
