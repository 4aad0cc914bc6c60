/**
 * Who has come: each machine with its place on the shelf, and the images that people have made golden. Kept in `machines.json`, so that
 * a machine finds its disk where it was after every restart; what holds is what is kept. Asked by `machines.ts` and `preparing.ts`.
 */

import { DamagedError } from "../../errors.js";
import { InTurn } from "../../in-turn.js";
import type { TemplateConfig } from "../../spec/configuration.js";
import { formatMac, parseMac } from "../../wire/mac.js";
import { type DamageTeller, putAside, readKept } from "../damage.js";

const FILE = "machines.json";
/** That a `Date` can be (ECMAScript, 21.4.1.1). */
const TIME_MAX_MS = 8.64e15;

export interface MachineRecord {
	readonly template: string;
	/** A 48-bit number. */
	readonly mac: number;
	readonly shelf: number;
	readonly slot: number;
	/** `POOL/VOLUME`: its clone. */
	readonly volume: string;
	/** What that is a clone of: `POOL/VOLUME@SNAPSHOT`. */
	readonly image: string;
	/** When it was made: milliseconds since 1970; null: it is to be made, whatever is there. */
	readonly madeMs: number | null;
	/** As somebody has said; null: as its template says. */
	readonly keep: boolean | null;
}

/** What new machines of a template are clones of, instead of what the files said when it was made that. */
interface Golden {
	readonly image: string;
	readonly insteadOf: string;
}

/** As it is kept. */
interface Kept {
	readonly machines: readonly (Omit<MachineRecord, "mac"> & { readonly mac: string })[];
	readonly golden: Readonly<Record<string, Golden>>;
	/** As `left` of the register. */
	readonly left?: Readonly<Record<string, boolean>>;
}

/** Of its disk, and of its clone within the pool, too. */
export function machineName({ template, mac }: Pick<MachineRecord, "template" | "mac">): string {
	return `${template}-${formatMac(mac).replaceAll(":", "")}`;
}

export class Register {
	readonly #keeper: DamageTeller;
	#machines: ReadonlyMap<string, MachineRecord>;
	#golden: ReadonlyMap<string, Golden>;
	#left: ReadonlyMap<string, boolean>;
	/** One after the other. */
	readonly #turns = new InTurn();

	private constructor(keeper: DamageTeller, kept: Kept | undefined) {
		this.#keeper = keeper;
		const machines = (kept?.machines ?? []).map((each) => ({ ...each, mac: parseMac(each.mac) ?? 0 }));
		this.#machines = new Map(machines.map((machine) => [machineName(machine), machine]));
		this.#golden = new Map(Object.entries(kept?.golden ?? {}));
		this.#left = new Map(Object.entries(kept?.left ?? {}));
	}

	/** What can't be read is put aside: machines are found again by their disks, as they come. */
	static async read(keeper: DamageTeller): Promise<Register> {
		try {
			return new Register(keeper, await readKept(keeper, FILE, keptIn));
		} catch (error) {
			if (!(error instanceof DamagedError)) throw error;
			keeper.damaged(`who machines are was damaged (${error.message}): ${await putAside(keeper, FILE)}`);
			return new Register(keeper, undefined);
		}
	}

	/** By name. */
	get machines(): readonly MachineRecord[] {
		return [...this.#machines.keys()].sort().flatMap((name) => this.find(name) ?? []);
	}

	find(name: string): MachineRecord | undefined {
		return this.#machines.get(name);
	}

	/** Resolves when it is on stable storage. Throws an OperatorError if it can't be: then it is as it was. */
	put(record: MachineRecord): Promise<void> {
		return this.#change(() => {
			this.#machines = new Map(this.#machines).set(machineName(record), record);
		});
	}

	remove(name: string): Promise<void> {
		return this.#change(() => {
			const others = new Map(this.#machines);
			others.delete(name);
			this.#machines = others;
		});
	}

	/** What a machine that is new to the template is a clone of: what people made golden, until the files name another image. */
	imageOf({ name, imageText }: Pick<TemplateConfig, "name" | "imageText">): string {
		const golden = this.#golden.get(name);
		return golden?.insteadOf === imageText ? golden.image : imageText;
	}

	/** Those of the templates that were made golden instead of another image than the files name now. */
	superseded(templates: readonly Pick<TemplateConfig, "name" | "imageText">[]): string[] {
		return templates
			.filter(({ name, imageText }) => (this.#golden.get(name)?.insteadOf ?? imageText) !== imageText)
			.map(({ name }) => name);
	}

	/** What was golden for those templates is that no more, and left. */
	supersede(names: readonly string[]): Promise<void> {
		return this.#change(() => {
			const left = new Map(this.#left);
			const golden = new Map(this.#golden);
			for (const name of names) {
				const image = golden.get(name)?.image;
				if (image !== undefined) left.set(image, false);
				golden.delete(name);
			}
			this.#left = left;
			this.#golden = golden;
		});
	}

	/** Images that are no template's and may be held; true: it is to be removed, for it never was one. */
	get left(): ReadonlyMap<string, boolean> {
		return this.#left;
	}

	/** One that is about to be made. */
	leave(image: string, isToGo: boolean): Promise<void> {
		return this.#change(() => {
			this.#left = new Map(this.#left).set(image, isToGo);
		});
	}

	/** The one before it is left. */
	makeGolden({ name, imageText }: Pick<TemplateConfig, "name" | "imageText">, image: string): Promise<void> {
		return this.#change(() => {
			const left = new Map(this.#left);
			left.delete(image);
			const before = this.#golden.get(name)?.image;
			// (What the files name is theirs.)
			if (before !== undefined && before !== imageText) left.set(before, false);
			this.#left = left;
			this.#golden = new Map(this.#golden).set(name, { image, insteadOf: imageText });
		});
	}

	/** Nothing is to be done with it any more. */
	tidied(image: string): Promise<void> {
		return this.#change(() => {
			const left = new Map(this.#left);
			left.delete(image);
			this.#left = left;
		});
	}

	#change(make: () => void): Promise<void> {
		return this.#turns.run(async () => {
			const [machines, golden, left] = [this.#machines, this.#golden, this.#left];
			make();
			try {
				await this.#keeper.keepOrRefuse(FILE, new TextEncoder().encode(this.#text()));
			} catch (error) {
				this.#machines = machines;
				this.#golden = golden;
				this.#left = left;
				throw error;
			}
		});
	}

	#text(): string {
		const machines = this.machines.map((each) => ({ ...each, mac: formatMac(each.mac) }));
		const left = this.#left.size > 0 ? { left: Object.fromEntries(this.#left) } : {};
		const kept: Kept = { machines, golden: Object.fromEntries(this.#golden), ...left };
		return `${JSON.stringify(kept, undefined, "\t")}\n`;
	}
}

/** Throws whatever there is to throw if it is none. */
function keptIn(text: string): Kept {
	const { machines, golden, left = {} } = JSON.parse(text) as Kept;
	const isMachine = (machine: Kept["machines"][number]): boolean => {
		const { template, mac, shelf, slot, volume, image, madeMs, keep } = machine;
		return (
			[template, volume, image].every((each) => typeof each === "string") &&
			parseMac(mac) !== undefined &&
			[shelf, slot].every(Number.isInteger) &&
			(madeMs === null || Math.abs(madeMs) <= TIME_MAX_MS) &&
			(keep === null || typeof keep === "boolean")
		);
	};
	const isGolden = ({ image, insteadOf }: Golden): boolean =>
		[image, insteadOf].every((each) => typeof each === "string");
	const isLeft = Object.values(left).every((each) => typeof each === "boolean");
	if (machines.every(isMachine) && Object.values(golden).every(isGolden) && isLeft)
		return { machines, golden, left };
	throw new DamagedError(`${FILE}: is not what was kept`);
}
