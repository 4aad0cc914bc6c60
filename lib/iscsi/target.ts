/**
 * What iSCSI adds to a SCSI target: who may use it, and how that is proved. Made by `lib/daemon/`; asked by `login.ts` and `text.ts`, through
 * `Offers` (`talk.ts`).
 */

import type { ScsiTarget } from "../scsi/target.js";

/** Who asks. */
export interface Initiator {
	/** Where he is: an address and port. */
	readonly peer: string;
	/** What he calls himself by, in small letters: `iqn.1993-08.org.debian:01:abc`; nothing proves it. */
	readonly name: string;
}

/** A name and a secret of CHAP (RFC 7143, 12.1). */
export interface ChapAccount {
	readonly user: string;
	readonly secret: Uint8Array;
}

export interface Chap {
	/** What an initiator has to prove. */
	readonly initiator: ChapAccount;
	/** What we prove to one that asks for it; null: nothing. */
	readonly target: ChapAccount | null;
}

export interface IscsiTarget {
	/** Its device, whose name is the iqn: at most 223 bytes, in small letters. */
	readonly scsi: ScsiTarget;
	/** For people; empty: none. */
	readonly alias: string;
	/** Null: it is enough to be among those who may. */
	readonly chap: Chap | null;
	/** Whom an initiator has to prove to be, also while its secret is not known; null: nobody. */
	readonly wantedUser: string | null;
	/** Why an initiator may not have it; null: it may. */
	shutsOut(initiator: Initiator): string | null;
	/** Why nobody can log in now, who may: it is a moment's matter (`LoginStatus.unavailable`: initiators try again). Null: they can. */
	readonly unavailable: string | null;
}
