/**
 * Addresses of hosts, for workers, which can open none of the files that a look-up takes. What comes from a name server is nothing that root
 * should read: getent(1) looks up as their user, as this system has it (/etc/hosts, DNS, whatever is in nsswitch.conf), within a limit.
 * Asked by `answers.ts`.
 */

import { execFile } from "node:child_process";
import { isIP } from "node:net";
import { codeOf, OperatorError } from "../errors.js";

const PROGRAM = "getent";
const LIMIT_MS = 5000;
/** Processes at once, however many disks want their servers. */
const RUNNING_MAX = 16;
const OUTPUT_BYTES_MAX = 64 * 1024;
const ADDRESSES_MAX = 8;

export class Names {
	/** By host: whoever asks meanwhile gets the same. */
	readonly #running = new Map<string, Promise<string[]>>();
	readonly #uid: number | undefined;

	/** `uid`: as whom; undefined: as whoever this is. */
	constructor(uid: number | undefined) {
		this.#uid = uid;
	}

	/** At least one. Rejects with an OperatorError. */
	addressesOf(host: string): Promise<string[]> {
		const known = this.#running.get(host);
		if (known !== undefined) return known;
		if (this.#running.size >= RUNNING_MAX)
			return Promise.reject(new OperatorError(`the address of ${host}: too many are looked up at once`));
		const running = this.#lookUp(host).finally(() => this.#running.delete(host));
		this.#running.set(host, running);
		return running;
	}

	#lookUp(host: string): Promise<string[]> {
		const who = this.#uid === undefined ? {} : { uid: this.#uid, gid: this.#uid };
		const how = { timeout: LIMIT_MS, maxBuffer: OUTPUT_BYTES_MAX, killSignal: "SIGKILL", cwd: "/" } as const;
		return new Promise((resolve, reject) => {
			const failed = (why: string): void =>
				reject(new OperatorError(`the address of ${host} is not to be had (${why})`));
			execFile(PROGRAM, ["ahosts", host], { ...how, ...who }, (error, output) => {
				const found = addressesIn(output);
				if (found.length > 0) resolve(found);
				else failed(whyNot(error));
			});
		});
	}
}

/** A line for each kind of socket: `192.0.2.7 STREAM host`. */
function addressesIn(output: string): string[] {
	const found = output.split("\n").map((line) => line.split(/\s/, 1)[0] ?? "");
	return [...new Set(found)].filter((address) => isIP(address) > 0).slice(0, ADDRESSES_MAX);
}

function whyNot(error: (Error & { readonly killed?: boolean }) | null): string {
	if (error?.killed) return `no answer within ${LIMIT_MS / 1000} s`;
	const code = error === null ? undefined : codeOf(error);
	return code === "ENOENT" ? `there is no ${PROGRAM}(1) here` : (code ?? "there is none of this name");
}
