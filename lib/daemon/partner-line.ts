/**
 * How a host has the volumes of a pool that another host owns, if both serve it: as NBD's client of that one, behind TLS, by what the superblock says of where
 * it is and of the key that both know. What is answered here is for good there: the owner may lose its power, and who has the pool then is asked for the rest.
 * Used by `both-hosts.ts`.
 */

import type { CloseEnd } from "../block/close.js";
import { DurabilityLayer } from "../block/durability.js";
import { WAIT_LIMIT_MS } from "../block/exchange.js";
import type { GroupCommit } from "../block/group-commit.js";
import { systemClock } from "../clock.js";
import { OperatorError } from "../errors.js";
import { nativeMemory } from "../native.js";
import { NbdDevice } from "../nbd/remote/device.js";
import { startTls } from "../nbd/remote/start-tls.js";
import { isOfPast } from "../pool/past.js";
import type { PartnerPlace } from "../pool/store/superblock.js";
import type { Pump } from "../pump.js";
import { addressIn } from "../spec/values.js";
import { connectTo } from "../stream/connect.js";
import type { ByteStream } from "../stream/stream.js";
import { quote } from "../text.js";
import type { TlsMaterial } from "../tls/side.js";
import type { OpenedVolume } from "./shared-volume.js";
import type { Tls } from "./tls.js";

/** What is shown to the owner: a key has a name. */
const PARTNER = "partner";
/** An owner that is silent for longer is connected to anew; a pool has another owner ten seconds after the last one has gone. */
const INTERVAL_MS = 2_000;
/** As long as where the pool is may not be known. */
const RESEND = WAIT_LIMIT_MS / INTERVAL_MS;

export function partnerKeys({ key }: PartnerPlace): TlsMaterial {
	return { psk: [[PARTNER, key]] };
}

/** What asks for the pool is called as an export of a volume that has no name. */
export const THE_POOL = "";

/** An export is called by who asks for it, and which volume it is: neither has a slash. */
function exportOf(host: string, volume: string): string {
	return `${host}/${volume}`;
}

export function exportIn(name: string): { readonly host: string; readonly volume: string } {
	const at = name.indexOf("/");
	return { host: name.slice(0, Math.max(0, at)), volume: name.slice(at + 1) };
}

export interface AskingOf {
	readonly pump: Pump;
	readonly tls: Tls;
	/** Where the owner is now; undefined: not known. */
	readonly at: () => PartnerPlace | undefined;
	/** What this host calls itself. */
	readonly host: string;
	readonly signal: AbortSignal;
}

export interface PartnerLineOf extends AskingOf {
	readonly commits: GroupCommit;
	readonly volume: string;
	/** What all connections of this device are called. */
	readonly session: string;
}

/** What is answered is for good; what is not when it is closed ends then: it is asked of somebody else. */
class PartnerDevice extends DurabilityLayer {
	readonly #remote: NbdDevice;

	constructor(remote: NbdDevice, commits: GroupCommit) {
		super(remote, commits, { mode: "ack" });
		this.#remote = remote;
	}

	override close(limitMs = Infinity): Promise<CloseEnd> {
		void this.#remote.close(limitMs);
		return super.close(limitMs);
	}
}

/** Throws an OperatorError. */
export async function openAtPartner(of: PartnerLineOf): Promise<OpenedVolume> {
	const { pump, commits, volume, host, session, signal } = of;
	const name = exportOf(host, volume);
	const device = await NbdDevice.open({
		...{ pump, clock: systemClock, allocate: nativeMemory, name, session, signal },
		...{ resend: RESEND, intervalMs: INTERVAL_MS, readOnly: isOfPast(volume) },
		...{ wantsIdentity: true, mayBeResized: true, repeatsUnwanted: false },
		connect: () => connectToOwner(of),
	});
	const { identity } = device;
	if (identity === null) throw new OperatorError(`volume ${volume}: its owner does not say which disk it is`);
	return { device: new PartnerDevice(device, commits), identity };
}

/** Says to the owner that this host has to have the pool. Throws an OperatorError, also if it was heard: that comes of it is seen by that it comes. */
export async function askForPool(of: AskingOf): Promise<void> {
	const { pump, host, signal } = of;
	const device = await NbdDevice.open({
		...{
			pump,
			clock: systemClock,
			allocate: nativeMemory,
			name: exportOf(host, THE_POOL),
			session: "",
			signal,
		},
		...{ resend: 1, intervalMs: INTERVAL_MS, readOnly: true, mayBeResized: false },
		connect: () => connectToOwner(of),
	});
	// (It has a volume without a name, and is of another version.)
	await device.close(0);
}

async function connectToOwner({ at, tls }: AskingOf): Promise<ByteStream> {
	const place = at();
	if (place === undefined) throw new OperatorError("it is not known who has the pool");
	const found = addressIn(place.address);
	if (found === undefined) throw new OperatorError(`${quote(place.address)}: is no address of an owner`);
	const stream = await connectTo({ kind: "tcp", host: found.address, port: found.port }, INTERVAL_MS);
	const secure = tls.client(partnerKeys(place), null, PARTNER);
	return startTls(stream, nativeMemory, secure, AbortSignal.timeout(INTERVAL_MS));
}
