/**
 * Where the owner of a pool that two hosts serve hands its volumes on to the others: NBD behind TLS, at the pool's own address, to whoever knows the key that is
 * in the superblock (`partner-line.ts` is the other end). Each export is a volume, by its name, and says in its description which disk that is. While the pool
 * is not here everybody is refused, for the moment. Made by `both-hosts.ts`.
 */

import { systemClock } from "../clock.js";
import { Disk, knownIdentity } from "../disk.js";
import { OperatorError } from "../errors.js";
import type { Log } from "../log.js";
import { isNativeError, nativeMemory } from "../native.js";
import type { Access, NbdExport, Opened, Refusal } from "../nbd/export.js";
import { OptionReply } from "../nbd/protocol.js";
import { identityText } from "../nbd/remote/agree.js";
import { NbdServer } from "../nbd/server.js";
import type { PartnerPlace } from "../pool/store/superblock.js";
import type { Pump } from "../pump.js";
import { addressIn } from "../spec/values.js";
import { Listener, listenOnTcp } from "../stream/listener.js";
import { exportIn, partnerKeys, THE_POOL } from "./partner-line.js";
import type { OpenedVolume } from "./shared-volume.js";
import type { Tls } from "./tls.js";

/** An address that this host has not yet, or that is taken. */
const RETRY_MS = 2_000;
/** A host that has lost its power, or its line, uses nothing any more. */
const SILENCE_MS = 20_000;
const CONNECTIONS_MAX = 8_192;
const VERSION = "";

export interface PartnerServerOf {
	readonly at: PartnerPlace;
	readonly pump: Pump;
	readonly tls: Tls;
	readonly log: Log;
	/** What messages call the pool. */
	readonly shown: string;
	/** `host`: what the other one calls itself. Throws an OperatorError. */
	readonly open: (volume: string, host: string) => Promise<OpenedVolume>;
	/** That host has to have the pool, for what is not done for it. */
	readonly wanted: (host: string) => void;
}

class Shared implements NbdExport {
	constructor(
		readonly name: string,
		readonly description: string,
		readonly disk: Disk,
	) {}

	accessOf(): Access {
		return this.disk.device.info.readOnly ? "read" : "write";
	}
}

export class PartnerServer {
	readonly #of: PartnerServerOf;
	readonly #server: NbdServer;
	/** Of connections that are there. */
	readonly #shared = new Set<Shared>();
	#listener: Listener | null = null;
	#forgetRetry = (): void => {};
	/** Why nobody can connect, as was told last; "": who wants to can. */
	#trouble = "";
	#isServing = false;

	constructor(of: PartnerServerOf) {
		const { at, pump, tls, log, shown } = of;
		this.#of = of;
		this.#server = new NbdServer({
			...{ pump, allocate: nativeMemory, connectionsMax: CONNECTIONS_MAX },
			open: (name) => this.#open(name),
			onInsecure: ({ peer }, why) => log.verbose(`${shown}: partner ${peer}: ${why}`),
			onEnd: ({ peer }, _exported, why) => {
				if (why !== null) log.verbose(`${shown}: partner ${peer}: ${why}`);
			},
		});
		this.#server.tls = tls.partners(partnerKeys(at));
		this.#listen();
	}

	#listen(): void {
		const { at, log, shown } = this.#of;
		try {
			const { address = "", port = 0 } = addressIn(at.address) ?? {};
			this.#listener = new Listener(listenOnTcp(address, port, SILENCE_MS), (stream) =>
				this.#server.accept(stream),
			);
			this.#trouble = "";
		} catch (error) {
			if (!(error instanceof OperatorError || isNativeError(error))) throw error;
			if (this.#trouble !== error.message)
				log.error(`pool ${shown}: ${error.message}: other hosts can't use it by this one; it is tried again`);
			this.#trouble = error.message;
			this.#forgetRetry = systemClock.after(RETRY_MS, () => this.#listen());
		}
	}

	/** False: those who are there are cut off: what has not begun is not carried out, and nobody is answered. */
	serve(mayServe: boolean): void {
		this.#isServing = mayServe;
		if (!mayServe) for (const each of [...this.#shared]) this.#server.cutOff(each);
	}

	/** The same of one volume: they can come again at once. */
	cutOff(volume: string): void {
		for (const each of [...this.#shared])
			if (exportIn(each.name).volume === volume) this.#server.cutOff(each);
	}

	async #open(name: string): Promise<Opened | Refusal> {
		if (!this.#isServing) return this.#away();
		try {
			const { volume, host } = exportIn(name);
			if (volume === THE_POOL && host !== "") return this.#wanted(host);
			const { device, identity } = await this.#of.open(volume, host);
			const disk = new Disk(
				name,
				knownIdentity(identity.serial, BigInt(`0x${identity.wwn}`), VERSION),
				device,
			);
			const shared = new Shared(name, identityText(identity), disk);
			// (One that has another size is looked at again by who uses it.)
			const unlisten = device.listen({ changed: () => this.#server.cutOff(shared) });
			const release = (): void => {
				unlisten();
				this.#shared.delete(shared);
				void disk.close();
			};
			// (What is asked before it is here would have been let through by what is known of it then.)
			if (!this.#isServing || device.tenure?.partner?.hasIt === true) {
				release();
				return this.#away();
			}
			this.#shared.add(shared);
			return { exported: shared, release };
		} catch (error) {
			if (!(error instanceof OperatorError)) throw error;
			return { reply: OptionReply.errUnknown, why: error.message };
		}
	}

	/** (Who asks sees that it comes, or asks again.) */
	#wanted(host: string): Refusal {
		this.#of.wanted(host);
		return { reply: OptionReply.errShutdown, why: `${this.#of.shown} is handed over, if it can be` };
	}

	#away(): Refusal {
		return { reply: OptionReply.errShutdown, why: `${this.#of.shown} is not here at present` };
	}

	close(): void {
		this.#forgetRetry();
		this.#listener?.close();
		this.#server.close();
	}
}
