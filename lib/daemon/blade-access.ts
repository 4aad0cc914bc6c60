/**
 * What initiators set on blades: taken up when a blade begins, and kept whenever it changes, before they are told. Kept with what the disk stores, if
 * that has a place for it (`lib/block/memo.ts`: volumes of pools), so that whichever host serves it next has the same; otherwise by whoever starts
 * this (`AccessListener`). Used by `aoe-exporter.ts`.
 */

import { isDeepStrictEqual } from "node:util";
import type { Blade } from "../aoe/blade.js";
import type { Memo } from "../block/memo.js";
import { OperatorError } from "../errors.js";
import type { AccessSpec, AoeExportSpec } from "../spec/spec.js";
import type { AoeExport } from "./aoe-exports.js";
import { keepParts, partsIn } from "./memo-parts.js";
import { isSetAccess, type SetAccess, setOn, withSet } from "./set-access.js";
import { SetKeeping } from "./set-keeping.js";

/**
 * Resolves when it is kept, and who has set it may be answered; undefined: that need not be waited for. `access` is undefined of an export
 * for which nothing is to be kept any more: what was is with what the disk stores.
 */
export type AccessListener = (
	spec: AoeExportSpec,
	access: AccessSpec | undefined,
) => Promise<unknown> | undefined;

interface Kept {
	readonly memo: Memo;
	readonly exported: AoeExport;
	readonly blade: Blade;
}

export class BladeAccess {
	readonly #onSet: AccessListener;
	/** Of each blade of which the disk's memo has that: the one that it was taken up from. */
	readonly #kept = new WeakMap<Blade, Kept>();
	readonly #keeping = new SetKeeping<Kept>((kept) => keep(kept));

	constructor(onSet: AccessListener) {
		this.#onSet = onSet;
	}

	begin(exported: AoeExport, blade: Blade): void {
		const { access } = exported.spec;
		if (access !== undefined) takeUp(blade, access);
		blade.onSet = () => {
			// (The storage that it had it of may be another host's by now: nobody is answered then.)
			const kept = this.#kept.get(blade);
			if (kept !== undefined) return this.#keeping.keep(kept);
			return this.#onSet(exported.spec, accessOf(blade))?.then(() => true);
		};
		this.follow(exported, blade);
	}

	/** What the disk stores may have come here just now, and with it what was set elsewhere. Before anybody is answered. */
	follow(exported: AoeExport, blade: Blade): void {
		const { memo } = blade.disk.device;
		if (memo === undefined || this.#kept.get(blade)?.memo === memo) return;
		const kept: Kept = { memo, exported, blade };
		this.#kept.set(blade, kept);
		const { spec } = exported;
		const set = setIn(memo);
		if (set !== undefined) {
			const { access } = withSet(spec, set);
			if (access !== undefined) takeUp(blade, access);
			this.configured(blade);
		}
		if (spec.access !== undefined) void this.#carryOver(kept, set === undefined);
	}

	/** Versions before kept it elsewhere: there it stays until it is here. */
	async #carryOver(kept: Kept, isNew: boolean): Promise<void> {
		if (!isNew || (await keep(kept).then(...settled))) this.#onSet(kept.exported.spec, undefined);
	}

	/** It is configured otherwise, which goes before what was set in place of what was configured. (If that is not kept it is found again.) */
	configured(blade: Blade): void {
		const kept = this.#kept.get(blade);
		const set = kept && setIn(kept.memo);
		if (kept === undefined || set === undefined || isDeepStrictEqual(set, nowOf(kept))) return;
		keep(kept).then(...settled);
	}
}

/** Storage may refuse it, or be another host's. */
const settled = [
	() => true,
	(error: unknown) => {
		if (error instanceof OperatorError) return false;
		throw error;
	},
] as const;

async function keep(kept: Kept): Promise<void> {
	await keepParts(kept.memo, nowOf(kept));
}

function nowOf({ exported, blade }: Kept) {
	return { ...setOn(exported.spec, accessOf(blade)) };
}

/** Undefined: nothing, or nothing that this version knows. */
function setIn(memo: Memo): SetAccess | undefined {
	const { macs, configString, access } = partsIn(memo);
	const set = { macs, configString, access };
	return isSetAccess(set) ? (set as SetAccess) : undefined;
}

/** What initiators had set on a blade before. */
export function takeUp(blade: Blade, { mask, reserved, configString }: AccessSpec): void {
	const { access } = blade;
	access.mask.clear();
	for (const mac of mask) access.mask.add(mac);
	access.reserved = new Set(reserved);
	blade.configString = Buffer.from(configString, "latin1");
}

export function accessOf({ access, configString }: Blade): AccessSpec {
	return {
		mask: [...access.mask],
		reserved: [...access.reserved],
		configString: Buffer.from(configString).toString("latin1"),
	};
}
