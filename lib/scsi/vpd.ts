/**
 * Pages of vital product data (SPC-4, 7.8, and SBC-3, 6.6), which INQUIRY gives: what a unit is called, and what it can do. `inquiry.ts` asks.
 * How a disk is called follows from its identity alone, so it is the same at every target, host and start.
 */

import type { DiskIdentity } from "../disk.js";
import { copyPage } from "./copy-page.js";
import { deviceDesignators } from "./designators.js";
import type { Nexus } from "./nexus.js";
import type { Units } from "./operation.js";
import { portsPage } from "./ports-page.js";
import type { LogicalUnit } from "./unit.js";
import { blockLimits, provisioning } from "./vpd-blocks.js";

/** What follows the four bytes with which each page begins. */
type Page = (unit: LogicalUnit, nexus: Nexus, units: Units) => Uint8Array;

const PAGES: ReadonlyMap<number, Page> = new Map<number, Page>([
	[0x00, supportedPages],
	[0x80, ({ disk }) => serialNumber(disk.identity)],
	[0x83, ({ disk }, nexus, units) => deviceDesignators(disk.identity, nexus, units)],
	[0x86, extendedInquiry],
	[0x87, modePagePolicy],
	[0x88, (unit, _nexus, units) => portsPage(unit, units)],
	[0x8f, copyPage],
	[0xb0, ({ disk }) => blockLimits(disk.device.info)],
	[0xb1, blockCharacteristics],
	[0xb2, ({ disk }) => provisioning(disk.device.info)],
]);

/** The whole page; undefined: there is none of that number. Of a unit that is not there, which pages it would have; and, if it was, what it is called. */
export function vitalPage(
	unit: LogicalUnit | undefined,
	nexus: Nexus,
	units: Units,
	page: number,
	identity: DiskIdentity | null,
): Buffer | undefined {
	const rest =
		unit === undefined ? nameOf(identity, nexus, units, page) : PAGES.get(page)?.(unit, nexus, units);
	if (rest === undefined) return undefined;
	const head = Buffer.from([0, page, rest.length >> 8, rest.length & 0xff]);
	return Buffer.concat([head, rest]);
}

function nameOf(
	identity: DiskIdentity | null,
	nexus: Nexus,
	units: Units,
	page: number,
): Uint8Array | undefined {
	if (identity === null) return page === 0 ? Uint8Array.of(0) : undefined;
	if (page === 0x80) return serialNumber(identity);
	if (page === 0x83) return deviceDesignators(identity, nexus, units);
	return page === 0 ? supportedPages() : undefined;
}

function serialNumber({ serial }: DiskIdentity): Uint8Array {
	return Buffer.from(serial, "latin1");
}

function supportedPages(): Uint8Array {
	return Uint8Array.from([...PAGES.keys()]);
}

/** Extended INQUIRY data (SPC-4, 7.8.7). */
function extendedInquiry({ disk }: LogicalUnit): Uint8Array {
	const bytes = new Uint8Array(60);
	// Tasks may be simple, ordered, and head of queue.
	bytes[1] = 0x07;
	// A volatile cache.
	bytes[2] = disk.device.info.writeCache ? 0x01 : 0;
	// A nexus that is lost, or a unit that is reset, ends what was there for it alone (LUICLR).
	bytes[3] = 0x01;
	return bytes;
}

/** All mode pages are the same for everybody (SPC-4, 7.8.10). */
function modePagePolicy(): Uint8Array {
	return Uint8Array.of(0x3f, 0xff, 0x00, 0x00);
}

/** What is read after a block erase, without having been written again, is zeros (WABEREQ 01b). */
const READABLE_AFTER_ERASE = 0x40;

/** Block device characteristics (SBC-3, 6.6.3): that nothing turns, or nothing known of how fast. */
function blockCharacteristics({ disk }: LogicalUnit): Uint8Array {
	const bytes = new Uint8Array(60);
	const { nonRotational, canTrim } = disk.device.info;
	if (nonRotational) bytes[1] = 1;
	if (canTrim) bytes[3] = READABLE_AFTER_ERASE;
	return bytes;
}
