/**
 * Debian's tgtd, another iSCSI server: what the suite, the kernels and the load generator are tried on, and what ours is measured against. One
 * target with one LUN of a file; it is told what to do by tgtadm over a socket of its own, so that it has nothing to do with any other tgtd.
 */

import path from "node:path";
import { until } from "../support/cleanup.js";
import { Program, run } from "../support/process.js";

const LIMIT_MS = 20_000;
export const NAME = "iqn.2026-01.test.tgt:disk0";
const LUN = "1";

/** What its LUN is. */
export interface TgtLun {
	readonly file: string;
	/** `rdwr`: threads that read and write; `aio`: Linux's asynchronous I/O, which wants O_DIRECT, and so no tmpfs. */
	readonly store: "rdwr" | "aio";
	/** Each write is on stable storage when it is answered. */
	readonly isSync?: boolean;
	/** UNMAP reaches the file. `rdwr` alone has it. */
	readonly isThin?: boolean;
	readonly isRemovable?: boolean;
	readonly isReadOnly?: boolean;
	/** It wants CRC32C of data; else it has none of it. */
	readonly hasDataDigest?: boolean;
}

export interface TgtPlace {
	/** Of the socket: with a short name. */
	readonly folder: string;
	/** Address and port of each portal. */
	readonly portals: readonly string[];
	/** This process's, if not given. */
	readonly namespace?: string | undefined;
	readonly core?: number | undefined;
}

/** Starts one. Throws with what it said if it does not come. */
export async function startTgt(lun: TgtLun, place: TgtPlace): Promise<Tgt> {
	const socket = path.join(place.folder, `tgt${place.portals[0]?.replace(/.*:/, "")}`);
	const portals = place.portals.map((portal) => `portal=${portal}`).join(",");
	const pinned = place.core === undefined ? [] : ["taskset", "-c", String(place.core)];
	const env = { TGT_IPC_SOCKET: socket };
	const program = new Program([...pinned, "tgtd", "-f", "--iscsi", portals], {
		namespace: place.namespace,
		env,
	});
	const tgt = new Tgt(program, env, place);
	try {
		await tgt.configure(lun);
	} catch (error) {
		await tgt.stop();
		throw error;
	}
	return tgt;
}

export class Tgt {
	readonly #program: Program;
	readonly #env: Readonly<Record<string, string>>;
	readonly #place: TgtPlace;

	constructor(program: Program, env: Readonly<Record<string, string>>, place: TgtPlace) {
		this.#program = program;
		this.#env = env;
		this.#place = place;
	}

	get pids(): readonly number[] {
		return [this.#program.pid];
	}

	/** Of its LUN by each portal. */
	get urls(): readonly string[] {
		return this.#place.portals.map((portal) => `iscsi://${portal}/${NAME}/${LUN}`);
	}

	async configure(wanted: TgtLun): Promise<void> {
		const { file, store, isSync, isThin, isRemovable, isReadOnly, hasDataDigest } = wanted;
		const isThere = async (): Promise<boolean> =>
			this.#program.ended !== undefined || (await this.#asked("--op=show", "--mode=target")).code === 0;
		await until("tgtd answers", isThere, LIMIT_MS);
		if (this.#program.ended !== undefined) throw new Error(this.#program.output);
		const lun = ["--mode=logicalunit", "--tid=1", `--lun=${LUN}`];
		await this.tell("--op=new", "--mode=target", "--tid=1", `--targetname=${NAME}`);
		await this.tell(
			...["--op=new", ...lun, `--bstype=${store}`, `--backing-store=${file}`],
			...(isSync ? ["--bsoflags=sync"] : []),
		);
		const params = Object.entries({
			thin_provisioning: isThin,
			removable: isRemovable,
			readonly: isReadOnly,
		});
		for (const [name, isWanted] of params)
			if (isWanted) await this.tell("--op=update", ...lun, `--params=${name}=1`);
		if (hasDataDigest)
			await this.tell("--op=update", "--mode=target", "--tid=1", "--name=DataDigest", "--value=CRC32C");
		await this.tell("--op=bind", "--mode=target", "--tid=1", "--initiator-address=ALL");
	}

	/** It does not listen to SIGTERM, and has nothing to lose that the kernel has not. */
	async stop(): Promise<void> {
		await this.#program.stop("SIGKILL");
	}

	/** By tgtadm. */
	async tell(...argv: readonly string[]): Promise<void> {
		const { code, output } = await this.#asked(...argv);
		if (code !== 0) throw new Error(`tgtadm ${argv.join(" ")}: ${output}`);
	}

	#asked(...argv: readonly string[]) {
		return run(["tgtadm", "--lld=iscsi", ...argv], LIMIT_MS, { env: this.#env });
	}
}
