/**
 * The opener, as control asks it: what `seams.ts` wants of it, over the channel that control was started with. Made by `process.ts`.
 */

import type { Asking } from "../channel/asking.js";
import { DamagedError, OperatorError } from "../errors.js";
import type { ListenerName, OpenerRequest } from "../opener/messages.js";
import type { FoundSources } from "../opener/sources.js";
import type { Process } from "./model.js";
import { asRefusal } from "./refused.js";
import type { Listening, Opener } from "./seams.js";

type Sources = Awaited<ReturnType<Opener["readSources"]>>;

/** A disk that is busy takes its time to make something durable. */
const KEEP_LIMIT_MS = 60_000;
const ASK_LIMIT_MS = 10_000;

export class TreeOpener implements Opener {
	readonly #asking: Asking;

	constructor(asking: Asking) {
		this.#asking = asking;
	}

	/** What the files are now. */
	async readSources(): Promise<Sources> {
		const sources = (await this.#ask({ kind: "sources" })) as unknown as FoundSources;
		const [unreadable] = sources.unreadable;
		if (unreadable !== undefined) throw new OperatorError(unreadable);
		return { files: sources.files, debian: sources.debian };
	}

	async readToken(): Promise<string | undefined> {
		const { token } = await this.#ask({ kind: "token" });
		return token as string | undefined;
	}

	async processes(): Promise<readonly Process[]> {
		const { processes } = await this.#ask({ kind: "processes" });
		return processes as Process[];
	}

	async listeners(): Promise<{ listeners: Listening[]; wrong: string[] }> {
		const { body, files } = await this.#asking
			.ask({ body: { kind: "listeners" } satisfies OpenerRequest }, ASK_LIMIT_MS)
			.catch(noAnswer);
		const descriptors = files.take();
		const listeners = (body.listeners as ListenerName[]).flatMap((name, index) => {
			const descriptor = descriptors[index];
			return descriptor === undefined ? [] : [{ ...name, descriptor }];
		});
		return { listeners, wrong: body.wrong as string[] };
	}

	whyNotFile(path: string, readOnly: boolean): Promise<string | undefined> {
		return this.#whyNot({ kind: "permit", path, readOnly });
	}

	whyNotLink(link: string): Promise<string | undefined> {
		return this.#whyNot({ kind: "permitLink", link });
	}

	whyNotSecret(file: string): Promise<string | undefined> {
		return this.#whyNot({ kind: "permitSecret", file });
	}

	/** What the opener refuses with; an error only if it does not answer. */
	async #whyNot(body: OpenerRequest): Promise<string | undefined> {
		try {
			await this.#asking.ask({ body }, ASK_LIMIT_MS);
			return undefined;
		} catch (error) {
			return error instanceof OperatorError ? error.message : noAnswer(error);
		}
	}

	async speeds(names: readonly string[]): Promise<ReadonlyMap<string, number>> {
		const { speeds } = await this.#ask({ kind: "speeds", names });
		return new Map(Object.entries(speeds as Record<string, number>));
	}

	async keep(name: string, bytes: Uint8Array): Promise<void> {
		await this.#ask({ kind: "keep", name }, KEEP_LIMIT_MS, bytes);
	}

	async kept(name: string): Promise<Uint8Array | undefined> {
		const { body, bytes } = await this.#asking
			.ask({ body: { kind: "kept", name } }, ASK_LIMIT_MS)
			.catch(noAnswer);
		if (typeof body.damage === "string") throw new DamagedError(body.damage);
		return body.isThere === true ? bytes : undefined;
	}

	async setAside(name: string): Promise<string> {
		const { aside } = await this.#ask({ kind: "setAside", name });
		return aside as string;
	}

	/** This worker says what none says. */
	replace(index: number): void {
		// One that is not there is started again anyway.
		this.#ask({ kind: "replace", index }).catch(() => {});
	}

	/** What the service manager is told. */
	notify(state: "ready" | "reloading", status: string): void {
		// Whoever does not hear it is told again with the next one.
		this.#ask({ kind: "notify", state, status }).catch(() => {});
	}

	async #ask(
		request: OpenerRequest,
		limitMs = ASK_LIMIT_MS,
		bytes?: Uint8Array,
	): Promise<Readonly<Record<string, unknown>>> {
		const parcel = { body: request, ...(bytes && { bytes }) };
		const { body } = await this.#asking.ask(parcel, limitMs).catch(noAnswer);
		return body;
	}
}

/** A file that hangs, for one: whoever wants it is told, and goes on. */
function noAnswer(error: unknown): never {
	throw asRefusal("the opener", error);
}
