/** What a mirror tells, as lines of the log. Used by `openers.ts`. */

import type { MirrorEvent } from "../compound/mirror/state.js";
import { unreachable } from "../errors.js";

export function eventText(event: MirrorEvent): string {
	switch (event.kind) {
		case "repaired": {
			const { name, offsetBytes, lengthBytes } = event;
			return `mirror: what disk ${name} could not read (${lengthBytes} bytes from ${offsetBytes} on) was read from another one, and written again`;
		}
		case "member": {
			const { name, state, reason, behindBytes } = event.member;
			const lacks = behindBytes > 0 ? `, and lacks ${behindBytes} bytes at most` : "";
			return `mirror: disk ${name} is ${STANDINGS[state]}${lacks}${reason === null ? "" : `: ${reason}`}`;
		}
		default:
			return unreachable(event);
	}
}

export function isTrouble(event: MirrorEvent): boolean {
	return event.kind === "repaired" || (event.member.state !== "inSync" && event.member.state !== "resyncing");
}

const STANDINGS = {
	inSync: "in sync",
	resyncing: "being copied to",
	behind: "behind",
	absent: "not there",
	refused: "refused",
} as const;
