/**
 * How much of a slot a frame may fill. Used by everything in this room that builds frames.
 */

import type { FrameRoom, Link } from "../link/link.js";
import { ETH_HEADER_BYTES } from "../wire/ethernet.js";

/** Most bytes of a frame that may be built in `slot`: what the slot holds and the MTU lets out. */
export function replyLimitBytes(link: Link, slot: FrameRoom): number {
	return Math.min(slot.capacityBytes, link.mtu + ETH_HEADER_BYTES);
}

/** The part of a slot that a frame may fill, and no more. Allocates: not for the hot path. */
export function replyView(link: Link, slot: FrameRoom): Uint8Array {
	return slot.memory.bytes.subarray(slot.offset, slot.offset + replyLimitBytes(link, slot));
}
