/**
 * What machines are clones of from now on: what one of them holds, as a snapshot that nobody removes by itself. Every image that is held, or may be,
 * and is no template's is written down before, so whatever ends in between, its hold is let go later. Used by `machines.ts`, in turn with all
 * else that is done with machines.
 */

import { OperatorError } from "../../errors.js";
import type { TemplateConfig } from "../../spec/configuration.js";
import { readImage } from "../../spec/schema.js";
import { messageOf } from "../thrown.js";
import type { Clones } from "./clones.js";
import type { MachineRecord, Register } from "./register.js";

/** A pool that is away may be back. */
const RETRY_MS = 30_000;

export class Golden {
	readonly #register: Register;
	readonly #clones: Clones;
	#triedMs = Number.NEGATIVE_INFINITY;
	#trouble: string | undefined;

	constructor(register: Register, clones: Clones) {
		this.#register = register;
		this.#clones = clones;
	}

	/** Resolves to the image. Throws an OperatorError if it is the one of before. */
	async make(template: TemplateConfig, { volume }: MachineRecord, nowMs: number): Promise<string> {
		await this.tidy();
		const at = new Date(nowMs).toISOString().replace(/[-:]|\.\d+/g, "");
		const image = await this.#freeName(`${volume}@golden-${at}`);
		await this.#register.leave(image, true);
		await this.#clones.takeImage(readImage(image));
		await this.#register.makeGolden(template, image);
		await this.tidy();
		return image;
	}

	/** There may be an image of the same second, and of more of them where the clock was set back: none that is there is taken for one that was left. */
	async #freeName(wanted: string): Promise<string> {
		let image = wanted;
		for (let number = 2; (await this.#clones.findImage(readImage(image))) !== undefined; number++)
			image = `${wanted}-${number}`;
		return image;
	}

	/** Whether there is something to be let go, and it is time to try. */
	isUntidy(nowMs: number): boolean {
		if (this.#register.left.size === 0 || Math.abs(nowMs - this.#triedMs) < RETRY_MS) return false;
		this.#triedMs = nowMs;
		return true;
	}

	/** Lets go what is left, as far as that can be. Resolves to why it can't, if that is new. */
	async tidy(): Promise<string | undefined> {
		let trouble: string | undefined;
		for (const [image, isToGo] of this.#register.left)
			try {
				await this.#clones.letGo(readImage(image), isToGo);
				await this.#register.tidied(image);
			} catch (error) {
				if (!(error instanceof OperatorError)) throw error;
				trouble ??= `${image} is no image any more, and is held still: ${messageOf(error)}`;
			}
		const isNew = trouble !== this.#trouble;
		this.#trouble = trouble;
		return isNew ? trouble : undefined;
	}
}
