/**
 * Where the tests of faulty disks play: the real `vblade` on one end of a virtual cable, with one blade on a faulty disk
 * (e9.0) and two on good ones (e9.1 a file, e9.2 memory), and our initiator in this process on the other end. Run by
 * `withFaults`, or within `inNamespace` and `inMounts`.
 */

import { execFileSync } from "node:child_process";
import t, { type Test } from "tap";
import { DiskError } from "../../lib/client/errors.js";
import { Initiator } from "../../lib/client/initiator.js";
import type { RemoteDisk } from "../../lib/client/remote-disk.js";
import { interfaceInfo } from "../../lib/link/interfaces.js";
import { PacketLink } from "../../lib/link/packet.js";
import { Pump } from "../../lib/pump.js";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { canMount, inMounts, newDirectory, newFile } from "../support/mounts.js";
import { vbladeCommand } from "../support/paths.js";
import { Program } from "../support/process.js";
import { FaultDevice, faultDeviceMissing } from "./fault-device.js";

export const SECTOR = 512;
export const PAGE_SECTORS = 8;
export const MIB = 1024 * 1024;
/** An initiator that gets no answer for so long gives up. */
const DEADLINE_MS = 60_000;

/** Status and error registers (ACS-3): a medium error of a read, a full disk, a disk that can't. */
export const UNREADABLE = { status: 0x41, error: 0x40 };
export const FULL = { status: 0x41, error: 0x04 };
export const FAULT = { status: 0x61, error: 0x04 };

/** Lays a cable: `near` and its number for the server, `far` and its number for us. */
export async function layCable(number: number): Promise<void> {
	const ip = (command: string) =>
		execFileSync("ip", command.split(" "), { stdio: ["ignore", "ignore", "inherit"], timeout: LIMIT_MS });
	ip(`link add name near${number} mtu 9000 type veth peer name far${number} mtu 9000`);
	for (const end of ["near", "far"]) ip(`link set ${end}${number} up`);
	await until("the carrier", () => interfaceInfo(`far${number}`)?.up === true, LIMIT_MS);
}

/**
 * Runs what needs disks that fail, in namespaces of the test file's own (`url`: its `import.meta.url`), between which and the
 * server `cables` are laid. Says so where there can be none.
 */
export async function withFaults(
	url: string,
	cables: number,
	main: () => Promise<void> | void,
): Promise<void> {
	const skip = canMount ? faultDeviceMissing() : false;
	if (skip) t.pass("not run", { skip });
	else if ((canMount || (await inNamespace(url))) && (await inMounts(url))) {
		t.setTimeout(230_000);
		for (let cable = 1; cable <= cables; cable++) await layCable(cable);
		await main();
	}
}

/** How the storage engine is chosen: by itself (io_uring where there is one), or worker threads. */
export type Engine = "auto" | "threads";

export interface StageChoices {
	readonly engine?: Engine;
	/** Number of the cable; 1 if not given. */
	readonly cable?: number;
	/** What the command begins with: a program that starts another. */
	readonly under?: readonly string[];
	/** Options of vblade. */
	readonly options?: readonly string[];
	/** The file that e9.1 is to be, if not a new one. */
	readonly goodFile?: string;
	/** What e9.2 is to be, if not 8 MiB of memory. */
	readonly memory?: string;
}

export class FaultStage {
	private constructor(
		readonly server: Program,
		readonly link: PacketLink,
		readonly initiator: Initiator,
		readonly faulty: RemoteDisk,
		readonly good: readonly RemoteDisk[],
		/** What e9.1 is. */
		readonly goodFile: string,
	) {}

	/** Serves `faultyFile` as e9.0. Everything is gone when the test is over. */
	static async open(t: Test, faultyFile: string, choices: StageChoices = {}): Promise<FaultStage> {
		const { engine = "auto", cable = 1, under = [], options = [], memory = "mem:8M" } = choices;
		const { goodFile = newFile(newDirectory(), 8 * MIB) } = choices;
		const blades = [faultyFile, goodFile, memory].flatMap((file, slot) => [
			"9",
			`${slot}`,
			`near${cable}`,
			file,
		]);
		const env = { VBLADE_ENGINE: engine };
		const server = new Program([...under, ...vbladeCommand(), ...options, ...blades], { env });
		t.teardown(() => server.stop("SIGKILL"));
		await server.waitFor(/e9\.2, \d+ sectors/, LIMIT_MS);
		const link = new PacketLink(`far${cable}`, new Pump(), { framesInFlight: 64 });
		t.teardown(() => link.close());
		const initiator = new Initiator(link, { deadlineMs: DEADLINE_MS });
		const [faulty, ...good] = [
			await initiator.open(9, 0),
			await initiator.open(9, 1),
			await initiator.open(9, 2),
		];
		return new FaultStage(server, link, initiator, faulty, good, goodFile);
	}

	/** The other blades are served: writes and reads of each, one after the other, each well before an initiator gives up. */
	async othersAreServed(rounds = 20): Promise<void> {
		for (let round = 0; round < rounds; round++)
			for (const disk of this.good) {
				const lba = (round % 64) * PAGE_SECTORS;
				const bytes = filled(PAGE_SECTORS, round + 1);
				const work = disk.write(lba, bytes).then(() => disk.read(lba, PAGE_SECTORS));
				if (!Buffer.from(await within(work, `${disk.name}: round ${round}`)).equals(bytes))
					throw new Error(`${disk.name} lost round ${round}`);
			}
	}

	/** Lines of the server's log that match and have been read so far. */
	read(pattern: RegExp): string[] {
		return this.server.stderr.split("\n").filter((line) => pattern.test(line));
	}

	/**
	 * Warnings and errors of the server's log that match: all up to now, for a thread of its own writes them, in order, and what
	 * is asked for now comes last.
	 */
	async logged(pattern: RegExp): Promise<string[]> {
		await this.counters("e9.2");
		return this.read(pattern).filter((line) => !line.startsWith("vblade: info: "));
	}

	/** What the server counts for a blade, in its own words. */
	async counters(blade: string): Promise<string> {
		const from = this.server.output.length;
		this.server.signal("SIGUSR1");
		await this.server.waitFor(/e9\.2: reads.*\n/, LIMIT_MS, from);
		const lines = this.server.output.slice(from).split("\n");
		return lines.filter((line) => line.includes(`${blade}: `)).join("\n");
	}
}

export interface FaultBench {
	readonly device: FaultDevice;
	readonly stage: FaultStage;
}

/** A disk in order, and a server that serves it as e9.0. */
export async function onFaultDevice(t: Test, choices: StageChoices = {}): Promise<FaultBench> {
	const device = await FaultDevice.open(8 * MIB);
	const stage = await FaultStage.open(t, device.path, choices);
	t.teardown(() => device.close());
	return { device, stage };
}

/** Whole sectors of one byte. */
export function filled(sectors: number, byte: number): Uint8Array {
	return new Uint8Array(sectors * SECTOR).fill(byte);
}

/** What a promise comes to, or an error if that takes too long. */
export async function within<T>(promise: Promise<T>, what: string, limitMs = LIMIT_MS): Promise<T> {
	let timer: NodeJS.Timeout | undefined;
	const late = new Promise<never>((_, reject) => {
		timer = setTimeout(() => reject(new Error(`${what}: not within ${limitMs} ms`)), limitMs);
	});
	try {
		return await Promise.race([promise, late]);
	} finally {
		clearTimeout(timer);
	}
}

/** The registers with which a command failed; undefined if it did not. */
export async function failure(
	command: Promise<unknown>,
): Promise<{ status: number; error: number; lba: number } | undefined> {
	try {
		await within(command, "an answer");
		return undefined;
	} catch (error) {
		if (!(error instanceof DiskError)) throw error;
		return { status: error.status, error: error.error, lba: error.lba };
	}
}
