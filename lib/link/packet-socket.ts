/**
 * The socket of `packet.ts`, opened with a ring and a send buffer for the frames that can be under way. What it hands on is the
 * addon's, for `packet-receiver.ts` and `packet-sender.ts`.
 */

import { type NativePort, native } from "../native.js";
import { ETHERTYPE_AOE } from "../wire/ethernet.js";
import { BPF_KEEP_ALL, BpfProgram, encodeBpf } from "./bpf.js";

/** Bytes the kernel accounts for a queued frame beyond its length (struct sk_buff and rounding), roughly. */
const SEND_OVERHEAD_BYTES = 2048;
const RING_BYTES_MAX = 64 * 1024 * 1024;
const RING_FRAMES_MIN = 64;

/** Before there is a sink every frame is dropped in the kernel; with one and no other filter, none is. */
export const DROP_ALL = encodeBpf(new BpfProgram().return(0).assemble());
export const KEEP_ALL = encodeBpf(new BpfProgram().return(BPF_KEEP_ALL).assemble());

/** How many frames of up to `frameBytes` the ring of a link with so many rooms is for; there may be some more. */
export function ringFrames(rooms: number, frameBytes: number): number {
	return Math.min(rooms, Math.max(RING_FRAMES_MIN, Math.floor(RING_BYTES_MAX / frameBytes)));
}

/**
 * Throws a NativeError.
 * @param index of the interface
 * @param ready told when there are frames, or room for more to send
 */
export function openPacketSocket(
	index: number,
	frameBytes: number,
	rooms: number,
	filter: Uint8Array,
	ready: (events: number) => void,
): NativePort {
	const frames = ringFrames(rooms, frameBytes);
	const sendBytes = frames * (frameBytes + SEND_OVERHEAD_BYTES);
	return native.portOpen(index, ETHERTYPE_AOE, frameBytes, frames, sendBytes, filter, ready);
}
