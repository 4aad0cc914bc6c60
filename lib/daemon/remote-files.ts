/**
 * Files of a process that can open none: the opener opens and locks them, and what it hands on is served here. Memory it makes and keeps,
 * so that what it holds outlives this process. Used by `worker.ts`, which
 * gives it to the table of openers in place of what opens files itself.
 */

import { FileDevice } from "../block/file.js";
import { openingOf } from "../block/file-options.js";
import type { Asking } from "../channel/asking.js";
import { OperatorError } from "../errors.js";
import {
	type OpenPast,
	type OpenVolume,
	openPast as openPastOf,
	openVolume as openVolumeOf,
	type PoolHome,
} from "../pool/openings.js";
import { poolInStore, shownPoolPath } from "../spec/pool-path.js";
import { askForDescriptor } from "./ask-opener.js";
import type { BothHosts } from "./both-hosts.js";
import { type OpenDevice, type OpenFile, type OpenMemory, openDevice } from "./openers.js";
import { lookUpBy, readRemoteKeysBy } from "./remote-links.js";
import { poolFilesThrough } from "./remote-pools.js";

/** How long the opener may take to open a file: a disk that spins up is awake by then, one that hangs is given up. */
const OPEN_LIMIT_MS = 60_000;

/** What pools in object stores are opened with. */
type StoreWays = Required<Pick<PoolHome, "inStore" | "allowLoss" | "promote" | "giveBack">> &
	Pick<PoolHome, "withReplicas"> &
	Required<Pick<PoolHome, "replicasNow">>;
/** What is told of a pool in an object store, by its path. */
export interface StoreNews {
	/** Another host has it: nobody is answered any more by what is open of it, unless `goesOn`: its disks are on the other one now. */
	readonly lost: (path: string, goesOn: boolean) => void;
	/** Has all that is open of it closed, as it is opened anew at once. */
	readonly renew: (path: string, why: string, isUsed?: boolean) => Promise<void>;
	/** It was in vain that it was tried to be opened, and may not be now: another host had it. */
	readonly mayBeHad: (path: string) => void;
	/** Whether it is opened here again at once, when it is closed. */
	readonly comesAgain: (path: string) => boolean;
	/** Those that both hosts serve. */
	readonly both: Pick<
		BothHosts,
		"id" | "offer" | "leaveOthers" | "lost" | "gaveUp" | "saw" | "closed" | "around" | "openVolume"
	>;
}

/** How pools in object stores are opened (`store-pools.ts`). */
export type StorePoolsThrough = (opener: Asking, openFile: OpenFile, news: StoreNews) => StoreWays;

/** A process that can open no file can load no code either. */
const loadedTooLate: StoreWays = {
	inStore: async (path) => {
		throw new OperatorError(
			`${shownPoolPath(path)}: there was no pool in an object store when vblade was started; start it again`,
		);
	},
	allowLoss: () => {},
	promote: async () => {},
	giveBack: async () => {},
	replicasNow: async () => {
		throw new OperatorError(
			"there was no object store when vblade was started, so it has no replica yet; start it again",
		);
	},
};

/** Opens disks, and what pools have, with the help of the process at the other end. */
export function openThrough(
	opener: Asking,
	storePools: StorePoolsThrough = () => loadedTooLate,
	news?: StoreNews,
): {
	readonly open: OpenDevice;
	readonly openPast: OpenPast;
	/** What pools are opened with. */
	readonly poolWays: Pick<PoolHome, "files"> & StoreWays;
} {
	const openFile: OpenFile = (engine, path, options, told) => {
		const [, flags, beginBytes, lengthBytes] = openingOf(path, options);
		const { readOnly } = options;
		const request = { kind: "open", path, readOnly, flags, beginBytes, lengthBytes } as const;
		return FileDevice.adopt(engine, path, options, async () => {
			const { descriptor, body } = await askForDescriptor(opener, request, OPEN_LIMIT_MS);
			if (typeof body.identity === "string") told?.(body.identity);
			return { descriptor, traits: body.traits as number[] };
		});
	};
	const openMemory: OpenMemory = async ({ name, sizeBytes }, options, disk) => {
		const request = { kind: "memory", name: disk, sizeBytes } as const;
		const { descriptor } = await askForDescriptor(opener, request, OPEN_LIMIT_MS);
		return FileDevice.adoptMemory(options.engine, name, descriptor, options);
	};
	const remote = { readRemoteKeys: readRemoteKeysBy(opener), lookUp: lookUpBy(opener) };
	const poolFiles = poolFilesThrough(opener, openFile);
	const ways = news === undefined ? loadedTooLate : storePools(opener, openFile, news);
	const poolWays = { files: poolFiles, ...ways };
	const openVolume: OpenVolume = (home, path, ...volume) => {
		const both = poolInStore(path)?.isShared === true ? news?.both : undefined;
		return both?.openVolume(home, path, ...volume) ?? openVolumeOf({ ...home, ...poolWays }, path, ...volume);
	};
	const openPast: OpenPast = (home, ...past) => openPastOf({ ...home, ...poolWays }, ...past);
	return {
		openPast,
		open: (spec, context) => openDevice(spec, { ...context, openFile, openMemory, openVolume, ...remote }),
		poolWays,
	};
}
