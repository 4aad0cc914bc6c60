/**
 * How much of its room a frame may fill. Used by everything here that builds frames.
 */

import type { FrameRoom, Link } from "../link/link.js";
import { ETH_HEADER_BYTES } from "../wire/ethernet.js";

/** Most bytes of a frame that may be built in `room`: what the room holds and the MTU lets out. */
export function frameLimitBytes(link: Link, room: FrameRoom): number {
	return Math.min(room.capacityBytes, link.mtu + ETH_HEADER_BYTES);
}

/** The part of a room that a frame may fill, and no more. Allocates: not for the hot path. */
export function frameView(link: Link, room: FrameRoom): Uint8Array {
	return room.memory.bytes.subarray(room.offset, room.offset + frameLimitBytes(link, room));
}
