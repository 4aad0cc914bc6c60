/**
 * A disk that fails when a test says so: a file on a file system of our own (`fault-device.c`, through FUSE), so that
 * everything from the system call on is real. Needs a mount namespace, see `test/support/mounts.ts`.
 */

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { atEnd } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { mountsMissing, newDirectory } from "../support/mounts.js";
import { PROJECT } from "../support/paths.js";
import { Program } from "../support/process.js";

const PROGRAM = path.join(PROJECT, "build/test/faults/fault-device");

/** For `t.test(name, { skip: faultDeviceMissing() }, ...)`. */
export function faultDeviceMissing(): string | false {
	if (mountsMissing !== false) return mountsMissing;
	if (!existsSync("/dev/fuse")) return "the kernel has no FUSE";
	return existsSync(PROGRAM) ? false : "the fault device was not built (package libfuse3-dev)";
}

/** What can be made to fail: `stat` is asking for the size. */
export type FaultyOperation = "read" | "write" | "sync" | "stat";

/** How often each operation has been asked for, and how many requests are held back at present. */
export type Counts = Record<FaultyOperation | "held", number>;

export class FaultDevice {
	private constructor(
		readonly path: string,
		readonly program: Program,
	) {}

	/** Makes one of `sizeBytes`, all zeros, in order. */
	static async open(sizeBytes: number): Promise<FaultDevice> {
		const directory = newDirectory();
		const program = new Program([PROGRAM, directory, String(sizeBytes)]);
		// A directory that something is mounted on can't be removed.
		atEnd(() => spawnSync("umount", ["--lazy", directory], { timeout: LIMIT_MS }));
		await program.waitFor(/^ready$/m, LIMIT_MS);
		return new FaultDevice(path.join(directory, "disk"), program);
	}

	/** In order again; everything that was held back is done now. */
	async mend(...operations: FaultyOperation[]): Promise<void> {
		for (const operation of operations) await this.#tell(`${operation} ok`);
	}

	/** Requests fail with `errno`; if sectors are named, only those that touch them. */
	async fail(operation: FaultyOperation, errno: number, firstSector = 0, sectors?: number): Promise<void> {
		await this.#tell(
			`${operation} error ${errno}${sectors === undefined ? "" : ` ${firstSector} ${sectors}`}`,
		);
	}

	/** Each request takes this long. */
	async slow(operation: FaultyOperation, milliseconds: number): Promise<void> {
		await this.#tell(`${operation} slow ${milliseconds}`);
	}

	/** No request ends until the device is mended. */
	async stick(...operations: FaultyOperation[]): Promise<void> {
		for (const operation of operations) await this.#tell(`${operation} stuck`);
	}

	async counts(): Promise<Counts> {
		const text = await this.#tell("counts");
		const counts: Counts = { read: 0, write: 0, sync: 0, stat: 0, held: 0 };
		for (const [, name, count] of text.matchAll(/(\w+) (\d+)/g)) counts[name as keyof Counts] = Number(count);
		return counts;
	}

	/** Ends the device: whatever is held back, and whatever comes, fails. */
	async close(): Promise<void> {
		await this.program.stop("SIGKILL");
	}

	async #tell(line: string): Promise<string> {
		const from = this.program.output.length;
		this.program.write(`${line}\n`);
		const [answer] = await this.program.waitFor(/^.*\n/, LIMIT_MS, from);
		if (answer.startsWith("what?")) throw new Error(answer);
		return answer;
	}
}
