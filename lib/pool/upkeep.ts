/**
 * Sees to it that there are slots to write to: has what died given back, makes files, cleans, has checkpoints made, and gives up history, as
 * `space/room.ts` says what comes next; when nothing helps, writes are refused until something does. Works in the background whenever somebody
 * says that there may be something to do. Made by `pool.ts`.
 */

import { OperatorError, unreachable } from "../errors.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import type { Checkpoints } from "./checkpoints.js";
import { CleanerStorage } from "./cleaner-storage.js";
import type { Contents } from "./contents.js";
import type { Descent } from "./descent.js";
import { FileFiller } from "./file-filler.js";
import type { PoolWorld } from "./folder.js";
import { FILE_SLOTS, SEGMENT_SECTORS } from "./format.js";
import { giveBack } from "./give-back.js";
import type { Head } from "./head.js";
import type { History } from "./history.js";
import type { Log } from "./log.js";
import type { WriteRoom } from "./log-room.js";
import { inTurns } from "./map/turns.js";
import type { NodeLog } from "./node-log.js";
import { NodeUpkeep } from "./node-upkeep.js";
import { heldBy, storedBytes } from "./reserve.js";
import type { Segments } from "./segments.js";
import { Cleaner } from "./space/cleaner.js";
import { type Held, isEnough, Next, nextStep, reserveSlots, type Standing } from "./space/room.js";
import { NO_SLOT } from "./space/slots.js";

export interface UpkeepOf {
	readonly world: PoolWorld;
	readonly head: Head;
	readonly segments: Segments;
	readonly nodes: NodeLog;
	readonly contents: Contents;
	readonly descent: Descent;
	readonly log: Log;
	readonly checkpoints: Checkpoints;
	readonly history: History;
	readonly room: WriteRoom;
}

/** So often it is looked for space while there is none. */
const RETRY_US = 1_000_000;

export class Upkeep {
	readonly #of: UpkeepOf;
	readonly #cleaner: Cleaner;
	readonly #nodeUpkeep: NodeUpkeep;
	readonly #filler: FileFiller;
	#running: Promise<void> | null = null;
	/** There may be more to do than was seen. */
	#again = false;
	/** Somebody waits, which by itself gives nothing back. */
	#isAsked = false;
	#isClosed = false;
	/** What two checkpoints store, at most, as it was counted last. */
	#storedBytes = 0;
	/** Slots that were cleaned since one came back, or something died. */
	#inVain = 0;
	/** The last one could not be cleaned. */
	#isStuck = false;
	/** None of the history may be given up, as was found out since the last checkpoint. */
	#isAllGiven = false;
	/** Slots that were free, or about to be, and those that writes have taken by then: at most, since somebody poked. */
	#most = 0;
	/** When all was tried in vain, and the last record then. */
	#refusedUs = 0;
	#refusedAt = 0;
	/** No more files can be made, as far as is known. */
	#isLastFile = false;
	/** Writes had some when it was decided what comes next. */
	#hadRoom = false;

	constructor(of: UpkeepOf) {
		this.#of = of;
		this.#cleaner = new Cleaner(of.segments.table, new CleanerStorage(of));
		this.#nodeUpkeep = new NodeUpkeep(of);
		of.room.wanted = () => this.#wanted();
		this.#filler = new FileFiller(of.segments, of.world);
		this.#filler.whenTold = () => this.#grown();
		of.nodes.moreSlots = () => this.#more();
		of.room.advanced = (bytes) => this.#filler.advance(bytes);
		this.#reserve();
	}

	/** Where all was tried in vain, that is done again when something was said since, or from time to time. */
	#wanted(): void {
		const { room, log, world } = this.#of;
		if (room.isRefusing && log.cursor.sequence === this.#refusedAt) {
			if (world.elapsed() - this.#refusedUs < RETRY_US) return;
			this.#isLastFile = false;
			// (Even if the last time is not over: who asks now is told of this one.)
			this.#again = true;
		}
		room.isRefusing = false;
		if (this.#running === null) this.poke();
		else this.#isAsked = true;
	}

	/** There may be something to do. */
	poke(): void {
		this.#again = true;
		if (this.#running !== null || this.#isClosed) return;
		this.#running = this.#run().finally(() => {
			this.#running = null;
			// (Somebody may have come when all was done, but before that was known.)
			if ((this.#again || this.#isAsked) && !this.#of.log.hasFailed) this.poke();
		});
	}

	/** There are more slots, or there can be none. */
	#grown(): void {
		const wasLastFile = this.#isLastFile;
		this.#isLastFile = this.#filler.hasFailed;
		// (Or what is done then would ask for more, and be told so again.)
		if (!wasLastFile || !this.#isLastFile) this.poke();
	}

	/** From time to time: what failed is tried again. */
	age(): void {
		this.#isLastFile = false;
		const { deadWalks, lists } = this.#of.descent;
		for (const each of [this.#cleaner, this.#nodeUpkeep, deadWalks, lists]) each.retry();
		this.poke();
	}

	/** Nothing is under way when it resolves. */
	async close(): Promise<void> {
		this.#isClosed = true;
		await this.#filler.close();
		await this.#running;
	}

	async #run(): Promise<void> {
		const { room, log } = this.#of;
		this.#most = 0;
		this.#isAllGiven = false;
		while ((this.#again || this.#isAsked) && !this.#isClosed && !log.hasFailed) {
			this.#again = false;
			this.#isAsked = false;
			try {
				// (Who waits for a slot has it before what takes long; what is made in the background is only begun.)
				const isGrown = (await this.#next()) === Next.grow && (await this.#grow());
				let isAllKnown = true;
				if (!isGrown) {
					isAllKnown = await giveBack(this.#of, () => !this.#isClosed);
					await this.#nodeUpkeep.clean(
						() => !this.#isClosed,
						() => (this.#held().hasNodeRoom ? 0 : 1),
					);
				}
				const next = await this.#next();
				// (As long as more may come back nothing is given up for good, nor refused.)
				const isLater = !isAllKnown && (next === Next.giveUp || next === Next.refuse);
				if (isGrown || isLater || (await this.#do(next)) || !isAllKnown) this.#again = true;
			} catch (error) {
				// What can't be done now is tried when somebody pokes again.
				if (!(error instanceof OperatorError)) throw error;
				if (!room.mayWrite) this.#refuse();
			}
			this.#reserve();
			if (room.mayWrite) room.goOn();
			// (What was there when that was decided is taken since: for more nobody has looked yet.)
			else if (this.#hadRoom) this.#again = true;
			// (Who waits is told how it ended, whatever that was, and however many ask meanwhile.)
			else if (!this.#again) this.#refuse();
			log.wake();
		}
	}

	async #next(): Promise<Next> {
		return nextStep(this.#standing(await this.#emptiest()));
	}

	/** Sectors that live in the emptiest slot that may be cleaned; not looked for where there is no need. */
	async #emptiest(): Promise<number | undefined> {
		const { segments, room, head, world } = this.#of;
		const { slots, table } = segments;
		slots.settle();
		const isNeeded = !isEnough({ slots: slots.count, free: slots.free, reserve: room.reserve });
		if (!isNeeded || this.#isStuck) return undefined;
		const finding = this.#cleaner.emptiest(head.state.start.segment);
		const victim = await inTurns(finding, world.nextTurn);
		return victim === NO_SLOT ? undefined : table.liveIn(victim);
	}

	/** True if there may be more. */
	async #do(next: Next): Promise<boolean> {
		const { segments, checkpoints, history } = this.#of;
		switch (next) {
			case Next.nothing:
				return false;
			case Next.grow:
				return this.#grow();
			case Next.clean:
				this.#isStuck = !(await this.#cleaner.clean(this.#of.head.state.start.segment, SEGMENT_SECTORS));
				this.#inVain++;
				return true;
			case Next.checkpoint:
				await checkpoints.request(segments.slots.comingBack > 0);
				this.#isStuck = false;
				// (What was written until now is history, too.)
				this.#isAllGiven = false;
				return true;
			case Next.renewNodes:
				await this.#nodeUpkeep.renew();
				return true;
			case Next.giveUp:
				[this.#inVain, this.#isStuck] = [0, false];
				// (Then what is left is cleaned, with the last slots.)
				this.#isAllGiven = !(await history.giveUp("space"));
				if (this.#isAllGiven) return true;
				// (Before anything of it is cleaned: whichever checkpoint opens the pool, it offers no moment that is gone.)
				await checkpoints.request(true);
				return true;
			case Next.endHolds:
				return segments.slots.endHolds();
			case Next.refuse:
				return this.#refuse();
			default:
				return unreachable(next);
		}
	}

	/** Where slots have to be written with zeros it goes on in the background, as long as nobody waits. */
	async #grow(): Promise<boolean> {
		const { segments, room } = this.#of;
		if (segments.folder.fillsAhead && room.mayWrite) {
			this.#filler.begin();
			return false;
		}
		this.#isLastFile = !(await this.#more());
		return true;
	}

	/** There are more slots when it resolves; false: none can be had. Waits for storage alone: what upkeep does may wait for this. */
	async #more(): Promise<boolean> {
		const { segments } = this.#of;
		const before = segments.slots.count;
		if (!segments.mayGrow) return false;
		if (!segments.folder.fillsAhead) await segments.grow().catch(() => {});
		else
			do {
				this.#filler.begin();
				// (What it was doing may have been over already.)
				await this.#filler.next();
			} while (segments.slots.count === before && !this.#filler.hasFailed && !this.#isClosed);
		return segments.slots.count > before;
	}

	#refuse(): false {
		const { room, log, world } = this.#of;
		room.refuse();
		this.#refusedAt = log.cursor.sequence;
		this.#refusedUs = world.elapsed();
		return false;
	}

	#standing(emptiest: number | undefined): Standing {
		const { segments, nodes, head, log, history, room } = this.#of;
		const { slots, table } = segments;
		slots.settle();
		this.#hadRoom = room.mayWrite;
		const { free, comingBack: waiting } = slots;
		// (What cleaning has given and writes have taken again was not in vain.)
		const given = free + waiting + log.segment;
		if (given > this.#most) this.#inVain = 0;
		this.#most = Math.max(this.#most, given);
		// (But for the one that is written to, and the next.)
		const usedSlots = Math.max(1, slots.count - slots.free - 2);
		return {
			slots: slots.count,
			free,
			reserve: room.reserve,
			held: this.#held(),
			heldBack: slots.held,
			waiting,
			emptiest,
			cleanedInVain: this.#inVain,
			isUnsettled: log.cursor.sequence !== history.lastSequence,
			// (Of a new one that has little space yet, none of it takes any.)
			hasHistory: history.hasSome && !this.#isAllGiven && (log.segment > 0 || slots.count >= FILE_SLOTS),
			untold: log.segment - head.state.start.segment,
			canGrow: segments.mayGrow && !this.#isLastFile,
			growsBelow: segments.folder.fillsAhead ? FILE_SLOTS : 0,
			liveShare: (table.liveSectors + nodes.liveBytes / SECTOR_BYTES) / (usedSlots * SEGMENT_SECTORS),
		};
	}

	#reserve(): void {
		const { segments, room } = this.#of;
		this.#storedBytes = storedBytes(this.#of);
		room.reserve = reserveSlots(segments.slots.count, this.#storedBytes, this.#held());
	}

	#held(): Held {
		return heldBy(this.#of, this.#cleaner, this.#storedBytes);
	}
}
