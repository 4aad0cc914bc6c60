/**
 * What a clone, or the way back, begins with: a snapshot that there is, or a moment, of which a passing one is made that is gone again afterwards,
 * whatever came of it. One that is left because nothing was taken any more, or the power was cut, is taken away as soon as that can be said: at
 * the latest when the pool is opened again. Made by `administration.ts`.
 */

import { OperatorError } from "../errors.js";
import type { AdministrationOn } from "./administration-on.js";
import { freeName, momentName } from "./allowed.js";
import type { Snapshot, Volume } from "./catalog.js";
import type { Note } from "./notes.js";
import { readVolumeName } from "./past.js";

/** `forget`: what takes the snapshot away again if it was made for this, of a volume that goes by this line then. */
type Act<T> = (snapshot: Snapshot, forget: (line: number) => Note[]) => Promise<T>;

/** The parts of an administration that it needs. */
interface Asked {
	snapshot(volume: Volume, name: string): Snapshot;
	say(...notes: Note[]): Promise<void>;
}

export class Beginnings {
	readonly #on: AdministrationOn;
	readonly #asked: Asked;
	/** Some may be left: of a pool that was just opened nobody knows. */
	#mayBeLeft: boolean;

	constructor(on: AdministrationOn, asked: Asked) {
		this.#on = on;
		this.#mayBeLeft = on.world.onlyRead === undefined;
		this.#asked = asked;
	}

	/** `text`: what stands behind an `@`. Throws an OperatorError, and whatever `act` does. */
	async at<T>(volume: Volume, text: string, act: Act<T>): Promise<T> {
		const { at } = readVolumeName(`${volume.name}@${text}`, this.#on.world.now());
		if (at?.kind !== "moment") return act(this.#asked.snapshot(volume, text), () => []);
		const name = freeName(volume, momentName(at.timeUs));
		try {
			const snapshot = await this.#on.moments.keep(volume, at.timeUs, name);
			return await act(snapshot, (line) => [{ note: "forget", line, name }]);
		} catch (error) {
			this.#mayBeLeft = true;
			await this.forgetLeft();
			throw error;
		}
	}

	/** To be called while none is under way. */
	async forgetLeft(): Promise<void> {
		if (!this.#mayBeLeft) return;
		this.#mayBeLeft = false;
		for (const volume of this.#on.catalog.volumes)
			for (const snapshot of volume.snapshots) if (snapshot.isPassing) await this.#forget(volume, snapshot);
	}

	async #forget({ line }: Volume, { name }: Snapshot): Promise<void> {
		try {
			await this.#asked.say({ note: "forget", line, name });
		} catch (error) {
			if (!(error instanceof OperatorError)) throw error;
			if (this.#on.log.hasFailed) this.#hide(line, name);
			else this.#mayBeLeft = true;
		}
	}

	/** Nothing is stored of this pool any more, until it is opened again and takes it away: nobody has to see it until then. */
	#hide(line: number, name: string): void {
		const { catalog } = this.#on;
		const volume = catalog.ofLine(line);
		if (volume === undefined) return;
		catalog.remove(volume);
		catalog.put({ ...volume, snapshots: volume.snapshots.filter((each) => each.name !== name) });
	}
}
