/**
 * Who is who in the fuzzed network, and how their data is told apart: every 8 bytes that an initiator sends as data begin
 * with its mark. Where a mark appears in another's reply, something has leaked.
 */

export type Address = readonly [shelf: number, slot: number];

export const TARGET = "02:00:00:00:00:01";
/** The initiators. The first is in no list that the fuzzer makes, so it is often shut out. */
export const INITIATORS = [
	"02:00:00:00:00:aa",
	"02:00:00:00:00:bb",
	"02:00:00:00:00:cc",
	"02:00:00:00:00:ee",
] as const;
/** The last of them does nothing but leave data that nobody else may see. */
export const VICTIM = INITIATORS[3];

/** Where blades are served: see `world.ts`. */
export const BUSY: Address = [9, 0];
export const LOCKED: Address = [9, 1];
export const ADDRESSES: readonly Address[] = [BUSY, LOCKED, [10, 0]];
/**
 * Small, so that requests overlap; and so small that no command takes so many steps that the disk leaves some for the next
 * turn of the event loop: a scenario is one turn.
 */
export const DISK_SECTORS = 48;

export const OWNER_MARKS = INITIATORS.map((_, i) => Buffer.from([0xd1, 0x10 + i, 0xd2, 0x20 + i]));
const SOURCES = new Map(INITIATORS.map((mac, i) => [mac.replaceAll(":", ""), i]));

/** Which initiator sent a frame; -1 for none of them. */
export function ownerOf(frame: Buffer): number {
	return SOURCES.get(frame.toString("hex", 6, 12)) ?? -1;
}

/** Data of an initiator: its mark and `generation`, over and over. */
export function stamped(owner: number, generation: number, bytes: number): Buffer {
	const unit = Buffer.alloc(8);
	OWNER_MARKS[owner]?.copy(unit);
	unit.writeUInt32BE(generation >>> 0, 4);
	return Buffer.alloc(bytes, unit);
}
