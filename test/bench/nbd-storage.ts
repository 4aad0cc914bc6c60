/**
 * What NBD servers are measured with that is no plain file: a volume and a qcow2 image that were written alike, with as many snapshots; and a
 * file of which half are holes. Made once, by the programs' own commands. Used by `nbd-figures.ts`.
 */

import { execFileSync } from "node:child_process";
import { closeSync, ftruncateSync, openSync, writeSync } from "node:fs";
import path from "node:path";
import { fioSample, type NbdLoad } from "./nbd-load.js";
import { type NbdPlace, oursOf, qemuOf, startNbd } from "./nbd-servers.js";
import { newVolumes, vblade } from "./pools.js";
import { FLUSH } from "./rows.js";

export const HISTORIED_BYTES = 512 * 2 ** 20;
const SNAPSHOTS = 10;
/** Written at random between two snapshots. */
const BETWEEN_BYTES = 32 * 2 ** 20;
const COMMAND_LIMIT_MS = 60_000;
const FILL_DEPTH = 32;
const FILL_SECONDS = 60;
/** The snapshot that is there while a run writes for the first time. */
const LAST = "last";
/** Data and holes of a sparse file alternate. */
const PIECE_BYTES = 2 ** 20;

/** Both disks with their snapshots. */
export class Historied {
	readonly #volume: string;
	readonly #qcow2: string;

	private constructor(volume: string, qcow2: string) {
		this.#volume = volume;
		this.#qcow2 = qcow2;
	}

	static async make(folder: string, place: NbdPlace): Promise<Historied> {
		const [name = ""] = newVolumes(
			folder,
			1,
			HISTORIED_BYTES,
			"--preallocate",
			`--size=${4 * HISTORIED_BYTES}`,
		);
		const qcow2 = path.join(folder, "disk.qcow2");
		command("qemu-img", "create", "-q", "-f", "qcow2", qcow2, String(HISTORIED_BYTES));
		const made = new Historied(name.replace(/^pool:/, ""), qcow2);
		const all = {
			rw: "write",
			depth: FILL_DEPTH,
			sizeBytes: HISTORIED_BYTES,
			seconds: FILL_SECONDS,
		} as const;
		await made.#written({ ...all, onceBytes: HISTORIED_BYTES, seed: 1 }, place);
		for (let number = 0; number < SNAPSHOTS; number++) {
			for (const isOurs of [true, false]) made.snapshot(isOurs, `s${number}`);
			await made.#written({ ...all, rw: "randwrite", onceBytes: BETWEEN_BYTES, seed: 100 + number }, place);
		}
		return made;
	}

	/** What a server of it is given. */
	file(isOurs: boolean): string {
		return isOurs ? `pool:${this.#volume}` : this.#qcow2;
	}

	forget(isOurs: boolean): void {
		if (isOurs) vblade("volume", "rm", "--force", `${this.#volume}@${LAST}`);
		else command("qemu-img", "snapshot", "-q", "-d", LAST, this.#qcow2);
	}

	snapshot(isOurs: boolean, name = LAST): void {
		if (isOurs) vblade("volume", "snapshot", `${this.#volume}@${name}`);
		else command("qemu-img", "snapshot", "-q", "-c", name, this.#qcow2);
	}

	async #written(load: NbdLoad, place: NbdPlace): Promise<void> {
		for (const isOurs of [true, false]) {
			const file = this.file(isOurs);
			const server = await startNbd(
				isOurs ? oursOf(file, ...FLUSH) : qemuOf(file, "writeback"),
				place,
				"unix",
			);
			try {
				await fioSample(server, load, { ...place, imageFolder: path.dirname(this.#qcow2) });
			} finally {
				await server.stop();
			}
		}
	}
}

function command(program: string, ...args: string[]): void {
	execFileSync(program, args, { stdio: ["ignore", "ignore", "pipe"], timeout: COMMAND_LIMIT_MS });
}

/** So many bytes, every second MiB of which is a hole. */
export function sparseFile(file: string, sizeBytes: number): string {
	const piece = Buffer.alloc(PIECE_BYTES, 0x5a);
	const descriptor = openSync(file, "w", 0o600);
	try {
		ftruncateSync(descriptor, sizeBytes);
		for (let at = 0; at < sizeBytes; at += 2 * PIECE_BYTES) writeSync(descriptor, piece, 0, PIECE_BYTES, at);
	} finally {
		closeSync(descriptor);
	}
	return file;
}
