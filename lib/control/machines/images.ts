/**
 * Whether there is what templates are of: an image that was named wrong, or has been removed, is told before a machine comes for it. Looked at once
 * a second by `machines.ts`; pools are asked when a template is new or has another image, and from time to time.
 */

import { OperatorError } from "../../errors.js";
import type { TemplateConfig } from "../../spec/configuration.js";
import { readImage } from "../../spec/schema.js";
import { quote } from "../../text.js";
import type { EventLog } from "../event-log.js";
import type { Clones } from "./clones.js";
import type { Register } from "./register.js";

/** What was not there may be there now. */
const RETRY_MS = 30_000;
const AGAIN_MS = 15 * 60_000;

/** Of one template. */
interface Looked {
	readonly image: string;
	atMs: number;
	isUnderWay: boolean;
	isFound: boolean;
	trouble: string | null;
}

export interface ImagesOf {
	readonly register: Pick<Register, "imageOf">;
	readonly clones: Pick<Clones, "findImage">;
	readonly events: Pick<EventLog, "add">;
	/** Milliseconds since 1970. */
	readonly now: () => number;
}

export class Images {
	readonly #of: ImagesOf;
	/** By the template's name. */
	#looked = new Map<string, Looked>();

	constructor(of: ImagesOf) {
		this.#of = of;
	}

	/** What is wrong, a line each. */
	get troubles(): string[] {
		return [...this.#looked.values()].flatMap(({ trouble }) => trouble ?? []);
	}

	look(templates: readonly TemplateConfig[]): void {
		const { register, now } = this.#of;
		const before = this.#looked;
		const nowMs = now();
		this.#looked = new Map();
		for (const template of templates) {
			const image = register.imageOf(template);
			const known = before.get(template.name);
			const looked =
				known?.image === image
					? known
					: { image, atMs: Number.NEGATIVE_INFINITY, isUnderWay: false, isFound: false, trouble: null };
			this.#looked.set(template.name, looked);
			// (The clock may have been set back.)
			const sinceMs = Math.abs(nowMs - looked.atMs);
			if (looked.isUnderWay || sinceMs < (looked.isFound ? AGAIN_MS : RETRY_MS)) continue;
			looked.atMs = nowMs;
			void this.#find(template.name, looked);
		}
	}

	/** A pool that can't be asked tells that itself (`../pool-keeping.ts`): it says nothing about the image. */
	async #find(template: string, looked: Looked): Promise<void> {
		const { clones, events } = this.#of;
		const { image, trouble } = looked;
		looked.isUnderWay = true;
		try {
			looked.isFound = (await clones.findImage(readImage(image))) !== undefined;
			looked.trouble = looked.isFound
				? null
				: `template ${template}: image ${quote(image)}: there is no such snapshot`;
		} catch (error) {
			if (!(error instanceof OperatorError)) throw error;
			looked.isFound = false;
		} finally {
			looked.isUnderWay = false;
		}
		if (looked.trouble === null || looked.trouble === trouble) return;
		events.add({ kind: "machine", severity: "warning", message: looked.trouble });
	}
}
