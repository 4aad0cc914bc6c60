/**
 * Pools in object stores, opened by a process that can open nothing itself: the opener says where they are and what they are known by, and opens what
 * of them is on this host; stores and heads are spoken to from here. Made by `remote-files.ts`, asked by whoever opens pools (`PoolHome.inStore`).
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import type { Asking } from "../channel/asking.js";
import { systemClock } from "../clock.js";
import { OperatorError } from "../errors.js";
import { nativeMemory } from "../native.js";
import type { Head } from "../object/head.js";
import { Proofs } from "../object/proofs.js";
import type { StorePoolOpening } from "../opener/messages.js";
import { directoryFolder, type PoolFiles, worldOf } from "../pool/directory.js";
import type { PoolWorld } from "../pool/folder.js";
import type { PoolHome } from "../pool/openings.js";
import { poolLost } from "../pool/renewals.js";
import { ForeseenObjects } from "../pool/store/foreseen.js";
import { Gate, type Unshipped } from "../pool/store/gate.js";
import { GatedFolder } from "../pool/store/gated-folder.js";
import { answerAsked, type HandingOver, handOver } from "../pool/store/hand-over.js";
import { HeadKeepers } from "../pool/store/head-keepers.js";
import { LeaseWatch } from "../pool/store/lease.js";
import { LossWord } from "../pool/store/loss-word.js";
import type { StoreFolderOptions } from "../pool/store/options.js";
import type { GiveBackWord } from "../pool/store/promotion.js";
import type { Superblock } from "../pool/store/superblock.js";
import type { FencedError } from "../pool/store/superblock-swaps.js";
import { lookAt } from "../pool/store/takeover.js";
import { waitsFor } from "../pool/store/words.js";
import type { HandedOver, StoredLook } from "../pool/stored-look.js";
import { shownPoolPath } from "../spec/pool-path.js";
import type { StorePoolSpec } from "../spec/store-spec.js";
import { askOpener } from "./ask-opener.js";
import { ComingStores, type OpenedStores } from "./coming-stores.js";
import type { OpenFile } from "./openers.js";
import type { StoreNews } from "./remote-files.js";
import { RemoteHead } from "./remote-heads.js";
import { lookUpBy } from "./remote-links.js";
import { logFilesThrough } from "./remote-pools.js";
import { ReplicaViews } from "./replica-views.js";
import { replicasThrough } from "./replicas.js";
import { identifier, keeperWorld } from "./store-keepers.js";
import { storedLook } from "./store-look.js";
import { StoreLookOuts } from "./store-look-outs.js";
import { StoreTroubles } from "./store-troubles.js";
import { makeStores, type StoreWays } from "./stores.js";
import { tailWorld } from "./tail-view.js";

/** Longer than the opener gives a file system. */
const LIMIT_MS = 70_000;
/** Of who has it now. */
const LOOK_LIMIT_MS = 1_000;

export function storePoolsThrough(opener: Asking, openFile: OpenFile, news: StoreNews): StorePools {
	const files = logFilesThrough(opener, openFile);
	const watches = new Map<string, LeaseWatch>();
	const coming = new ComingStores();
	const ways: StoreWays = {
		lookUp: lookUpBy(opener),
		headFile: (pool) => new RemoteHead(opener, pool),
		proofs: new Proofs(),
	};
	const lookOuts = new StoreLookOuts(news.mayBeHad);
	const losses = new Map<string, LossWord>();
	const views = new ReplicaViews();
	const lossOf = (path: string): LossWord => {
		const word = losses.get(path) ?? new LossWord();
		losses.set(path, word);
		return word;
	};
	const inStore: StorePools["inStore"] = async (path, home) => {
		lookOuts.end(path);
		news.both.leaveOthers(path);
		const stores = await coming.take(path, async () => {
			const { body } = await askOpener(opener, { kind: "storePool", pool: path }, LIMIT_MS);
			const opening = body as unknown as StorePoolOpening;
			return { opening, stores: makeStores(path, opening, ways) };
		});
		const { tailOf } = stores.opening.stored;
		if (tailOf !== undefined) return tailWorld({ path, tailOf, home, files, ...stores });
		const view = await views.worldOf({
			path,
			home,
			files,
			renew: news.renew,
			...stores,
		});
		if (view !== undefined) return view;
		const watch = watches.get(path) ?? new LeaseWatch();
		watches.set(path, watch);
		const promotes = (): boolean => views.promotes(path);
		const givesBack = (): GiveBackWord | undefined => views.givesBack(path);
		return storeWorld({
			path,
			home,
			files,
			watch,
			loss: lossOf(path),
			news,
			promotes,
			givesBack,
			lookOuts,
			...stores,
		});
	};
	return {
		inStore,
		allowLoss: (path, bytes) => lossOf(path).say(bytes),
		promote: (path, isAllowed) => views.promote(path, isAllowed),
		giveBack: (path, loseBytes) => views.giveBack(path, loseBytes, news.renew),
		...replicasThrough(opener, files, ways),
	};
}

/** How a process opens pools in object stores. */
export type StorePools = Required<
	Pick<PoolHome, "inStore" | "allowLoss" | "promote" | "giveBack" | "withReplicas" | "replicasNow">
>;

export interface StoreWorldOf extends OpenedStores {
	/** Of the pool. */
	readonly path: string;
	readonly home: PoolHome;
	/** How what is on this host is opened. */
	readonly files: PoolFiles;
	/** What was seen of the lease of whoever has it. */
	readonly watch: LeaseWatch;
	/** What may be lost. */
	readonly loss: LossWord;
	readonly news: StoreNews;
	readonly lookOuts: StoreLookOuts;
	/** Whether it is made a pool of its own, if it is a replica. Default: it is not. */
	readonly promotes?: () => boolean;
	/** The same, that it is made a replica again. Default: it is not. */
	readonly givesBack?: () => GiveBackWord | undefined;
}

/** What such a pool stands on. */
export function storeWorld(of: StoreWorldOf): PoolWorld {
	const { path, home, opening, files, stores, watch, loss, promotes, givesBack, news } = of;
	const { stored, host: name } = opening;
	const { both } = news;
	const { store, head } = stores;
	const troubles = new StoreTroubles((told) => home.tell?.(path, told));
	const local = directoryFolder(stored.log, home.engine, files);
	const shown = shownPoolPath(path);
	const foreseen = new ForeseenObjects(store, systemClock);
	const keepers: HeadKeepers = new HeadKeepers({
		...{ path: shown, head, identifier, name, watch, loss },
		...(stored.listen !== undefined && { at: both.offer(path, stored.listen), partner: both.id }),
		listener: { ...troubles.ofLease, lost: lostBy(of, troubles) },
		foresee: (there) => foreseen.look(there),
		answer: (superblock, nonce, owner) => answerAsked(store, superblock, nonce, owner),
		taken: (message, isLoss) => {
			if (isLoss) both.gaveUp(path);
			home.tell?.(path, { kind: "pool-taken", level: isLoss ? "warn" : "info", message });
		},
		...(promotes && { promotes }),
		...(givesBack && { givesBack: { word: givesBack, store } }),
		owed: () => gate.owed(),
		world: keeperWorld,
	});
	let ended: Promise<void> | undefined;
	const end = (): Promise<void> => {
		ended ??= endOf(of, keepers);
		return ended;
	};
	const gate: Gate = new Gate(
		() => keepers.keeper,
		() => unshippedIn(folder, stored),
	);
	const options: StoreFolderOptions = {
		nextTurn,
		...{ path: shown, local, store: foreseen, keepers },
		...{ clock: systemClock, allocate: nativeMemory, identifier },
		...{ logBytes: stored.logBytes, cacheBytes: stored.cacheBytes, stable: stored.stable },
		tell: troubles.ofStore,
		closed: end,
	};
	const folder: GatedFolder = new GatedFolder(options, gate);
	return {
		...worldOf(folder, home.pump),
		...{ lease: keepers.lease, losses: keepers.losses, promotion: keepers.promotion },
		stored: () => storedLook({ stores, folder, troubles, isReplicaOf: null, ...ownershipOf(keepers) }),
		settle: () => folder.settle(),
		shipSoon: () => folder.shipSoon(),
		resizeLocal: (bytes) => folder.resize(bytes),
		handOver: (prepare, to) =>
			handOverBy({ folder, keepers, prepare, to, ...stores, around: (act) => both.around(path, act) }),
		end,
	};
}

/** What becomes of it here when another host has it. */
function lostBy(
	{ path, home, opening, news }: StoreWorldOf,
	troubles: StoreTroubles,
): (reason: FencedError) => void {
	const isShared = opening.stored.listen !== undefined;
	return (reason) => {
		const owner = reason.owner ?? { name: "another host" };
		poolLost(home, path, `${shownPoolPath(path)}: ${waitsFor(owner)}`);
		const goesOn = isShared && news.both.lost(path, reason.superblock);
		news.lost(path, goesOn);
		if (goesOn) troubles.moved(reason);
		else troubles.ofLease.lost?.(reason);
	};
}

/** One that another host has is looked at on. */
async function endOf(
	{ path, stores, watch, news, opening, lookOuts }: StoreWorldOf,
	keepers: HeadKeepers,
): Promise<void> {
	const isShared = opening.stored.listen !== undefined;
	const wasHere = keepers.keeper !== null;
	try {
		await keepers.close({ comesAgain: news.comesAgain(path) });
	} finally {
		const { held } = keepers;
		if (isShared && wasHere) news.both.closed(path);
		const saw = isShared ? (superblock: Superblock) => news.both.saw(path, superblock) : undefined;
		if (held !== undefined) lookOuts.begin(path, { stores, watch, answered: held.answered, saw });
		else await stores.close();
	}
}

function unshippedIn({ state }: GatedFolder, { stable }: StorePoolSpec): Unshipped | undefined {
	if (state === null) return undefined;
	const bytes = stable === "host" ? state.unshippedBytes : 0;
	return { bytes, sinceUs: Math.floor((Date.now() - (state.unshippedMs ?? 0)) * 1000) };
}

function ownershipOf({ keeper, losses }: HeadKeepers): Pick<StoredLook, "leaseSeconds" | "lost"> {
	return { leaseSeconds: keeper === null ? null : keeper.leaseRemainingMs / 1000, lost: losses.tails };
}

interface Handing extends Pick<HandingOver, "prepare" | "around" | "store" | "to"> {
	readonly folder: GatedFolder;
	readonly keepers: HeadKeepers;
	readonly head: Head;
}

async function handOverBy({ folder, keepers: { keeper }, head, ...of }: Handing): Promise<HandedOver> {
	if (keeper === null) throw new OperatorError(`${folder.path}: is not open yet`);
	return handOver({
		...{ ...of, keeper, clock: systemClock, identifier },
		look: () => lookAt(head, { limitMs: LOOK_LIMIT_MS }),
		ship: () => folder.ship(),
		unshippedBytes: () => folder.state?.unshippedBytes ?? 0,
	});
}
