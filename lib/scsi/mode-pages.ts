/**
 * Mode pages (SPC-4, 7.5, and SBC-3, 6.5): what of a unit can be set, as bytes. Each is made of what the unit has at the moment, and what is
 * changed there is given back to it. Asked by `modes.ts`, for MODE SENSE and MODE SELECT.
 */

import type { BlockDevice } from "../block/device.js";

/** What initiators have set on a unit; other than a disk's write cache, which is the device's. */
export class Modes {
	/** Sense data in descriptor form (D_SENSE). */
	descriptorSense = false;
	/** Nobody may change the medium (SWP). */
	writeProtected = false;

	reset(): void {
		this.descriptorSense = false;
		this.writeProtected = false;
	}
}

/** What pages are made of. */
export interface ModeState {
	readonly modes: Modes;
	readonly device: BlockDevice;
}

export interface ModePage {
	/** 0..3Eh. */
	readonly code: number;
	/** As it is, all of it, from its code on. */
	current(state: ModeState): Uint8Array;
	/** Bits that may be changed. */
	changeable(state: ModeState): Uint8Array;
	/** As it is while nobody has changed it. */
	initial(state: ModeState): Uint8Array;
}

const WCE = 0x04;
const D_SENSE = 0x04;
const SWP = 0x08;

/** Read-write error recovery: nothing of it can be chosen, and it says that errors are told as they come. */
const RECOVERY = fixed([0x01, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
/** Informational exceptions control: none are reported (DEXCPT). */
const EXCEPTIONS = fixed([0x1c, 0x0a, 0x08, 0, 0, 0, 0, 0, 0, 0, 0, 0]);

function fixed(bytes: readonly number[]): ModePage {
	const page = Uint8Array.from(bytes);
	const mask = blank(page);
	return { code: bytes[0]!, current: () => page, changeable: () => mask, initial: () => page };
}

/** Code and length alone. */
function blank(page: Uint8Array): Uint8Array {
	return Uint8Array.from(page, (byte, index) => (index < 2 ? byte : 0));
}

function caching(isOn: boolean): Uint8Array {
	const page = new Uint8Array(20);
	page.set([0x08, 0x12, isOn ? WCE : 0]);
	return page;
}

const CACHING: ModePage = {
	code: 0x08,
	current: ({ device }) => caching(device.info.writeCache),
	changeable: ({ device }) => caching(canSwitch(device)),
	initial: ({ device }) => caching(device.info.writeCache || canSwitch(device)),
};

/** Its write cache can be switched on and off. (Only it can tell: it is switched over and back, between two requests.) */
function canSwitch(device: BlockDevice): boolean {
	const { writeCache } = device.info;
	if (!device.setWriteCache(!writeCache)) return false;
	device.setWriteCache(writeCache);
	return true;
}

/** Control: each nexus has a task set of its own, which may be done in any order that is right; a task that is aborted is not told of to others. */
function control(descriptorSense: boolean, writeProtected: boolean): Uint8Array {
	const page = new Uint8Array(12);
	page.set([0x0a, 0x0a, 0x20 | (descriptorSense ? D_SENSE : 0), 0x10, writeProtected ? SWP : 0]);
	// How long it may be busy: no limit is told.
	page.set([0xff, 0xff], 8);
	return page;
}

const CONTROL: ModePage = {
	code: 0x0a,
	current: ({ modes }) => control(modes.descriptorSense, modes.writeProtected),
	changeable: () => Uint8Array.from([0x0a, 0x0a, D_SENSE, 0, SWP, 0, 0, 0, 0, 0, 0, 0]),
	initial: () => control(false, false),
};

/** In ascending order, as they are told. */
export const MODE_PAGES: readonly ModePage[] = [RECOVERY, CACHING, CONTROL, EXCEPTIONS];

/** Takes what `page` says, which was checked. True if that is another than before; false if the device refuses it. */
export function applyPage({ modes, device }: ModeState, page: Uint8Array): boolean {
	switch (page[0]! & 0x3f) {
		case CACHING.code: {
			const isOn = (page[2]! & WCE) > 0;
			return isOn === device.info.writeCache || device.setWriteCache(isOn);
		}
		case CONTROL.code:
			modes.descriptorSense = (page[2]! & D_SENSE) > 0;
			modes.writeProtected = (page[4]! & SWP) > 0;
			return true;
		default:
			return true;
	}
}
