/**
 * The extents of one answer, as a server tells them, made into what devices are asked for: whole sectors, none beyond what was asked for, and at
 * least one. A sector that is zeros in part alone is data, and so is what nothing is told of. Filled by `replies.ts`.
 */

import { addExtent, ExtentFlag } from "../../block/extents.js";
import type { BlockRequest } from "../../block/request.js";
import { invariant } from "../../errors.js";
import { SECTOR_BYTES } from "../../wire/sector.js";
import { Command, NbdError } from "../protocol.js";
import type { Call } from "./call.js";

export class ToldExtents {
	#request: BlockRequest | null = null;
	#lengthBytes = 0;
	/** To where the server has told, and to where the request has been. */
	#at = 0;
	#toldTo = 0;
	/** Nothing more has a place: the rest is asked for once more. */
	isFull = false;

	/** They come now. False if they have come before. */
	begin(call: Call): boolean {
		if (call.hasExtents) return false;
		call.hasExtents = true;
		this.#request = call.request;
		this.#lengthBytes = call.lengthBytes;
		this.#at = 0;
		this.#toldTo = 0;
		this.isFull = false;
		return true;
	}

	/** False if it makes no sense. */
	add(lengthBytes: number, isZero: boolean): boolean {
		// (The last one may reach beyond what was asked for.)
		const end = Math.min(this.#at + lengthBytes, this.#lengthBytes);
		if (end === this.#at) return false;
		const from = isZero ? up(this.#at) : this.#at;
		const to = isZero ? end - (end % SECTOR_BYTES) : up(end);
		this.#at = end;
		if (to <= from) return true;
		this.#tell(from, 0);
		this.#tell(to, isZero ? ExtentFlag.zero : 0);
		return true;
	}

	#tell(to: number, flags: number): void {
		const lengthBytes = to - this.#toldTo;
		if (lengthBytes <= 0 || this.isFull) return;
		invariant(this.#request !== null, "extents for nobody");
		if (addExtent(this.#request, lengthBytes, flags)) this.#toldTo = to;
		else this.isFull = true;
	}

	/** The call is answered. */
	finish({ command, error, request, lengthBytes }: Call): void {
		const isNone = command === Command.blockStatus && error === NbdError.none && request?.extentCount === 0;
		if (isNone) addExtent(request, lengthBytes, 0);
	}
}

/** To the end of the sector that it is in. */
function up(bytes: number): number {
	return Math.ceil(bytes / SECTOR_BYTES) * SECTOR_BYTES;
}
