/**
 * Questions and answers over a channel (`channel.ts`), both ways at once; and what is only told. A question has a limit, within
 * which it is answered, refused, or given up. What is asked and told, and by whom, is for the processes at both ends to say.
 */

import { type Clock, systemClock } from "../clock.js";
import { OperatorError, unreachable } from "../errors.js";
import { isNativeError } from "../native.js";
import { Channel, type ChannelOptions } from "./channel.js";
import { type Body, FrameError, Passed } from "./frames.js";

/** Longest time of a timer. */
const LONGEST_MS = 2 ** 31 - 1;

/** A limit that is over so much too late was over while this process stood still, and answers may wait to be heard. */
const STOOD_STILL_MS = 1000;
/** What they get then. */
const GRACE_MS = 1000;

/** What is sent, either way. The descriptors are the sender's no more. */
export interface Parcel {
	readonly body: object;
	/** What would be long as JSON. */
	readonly bytes?: Uint8Array;
	readonly files?: readonly number[];
	/** Called when the kernel has all of it, before anything else is heard; never, if it can't be sent. */
	readonly sent?: () => void;
}

/** What has come. Descriptors that are not taken at once are closed: of a question, when it has been answered. */
export interface Delivery {
	readonly body: Readonly<Record<string, unknown>>;
	readonly bytes?: Uint8Array;
	readonly files: Passed;
}

export interface AskingUser {
	/**
	 * What to answer. An OperatorError, or whatever the system refused, is thrown for who asked; any other error that it throws is a
	 * bug here.
	 */
	answer(question: Delivery): Parcel | Promise<Parcel>;
	told(news: Delivery): void;
	ended(why: string): void;
}

export interface AskingOptions extends ChannelOptions {
	/** Most questions of the other end that may be without an answer: one that asks more breaks the rules. */
	readonly mostQuestions?: number;
	/** Most bytes that may have come with them. */
	readonly mostQuestionBytes?: number;
	readonly clock?: Clock;
}

/** There will be no answer: the other end is gone, or took too long. */
export class NoAnswerError extends Error {
	override name = "NoAnswerError";
}

interface Question {
	readonly resolve: (delivery: Delivery) => void;
	readonly reject: (error: Error) => void;
	readonly forgetLimit: () => void;
}

/** A refusal, as it is sent. */
interface Refusal {
	readonly message: string;
	readonly step?: string;
	readonly errno?: number;
}

/** The head of a parcel, as a message; its bytes are the next one. */
interface Envelope {
	readonly is: "question" | "answer" | "refusal" | "news";
	/** Of the question. */
	readonly id: number;
	readonly hasBytes: boolean;
	readonly body: Readonly<Record<string, unknown>>;
}

const KINDS: readonly Envelope["is"][] = ["question", "answer", "refusal", "news"];

export class Asking {
	readonly #channel: Channel;
	readonly #user: AskingUser;
	readonly #clock: Clock;
	readonly #mostQuestions: number;
	readonly #mostQuestionBytes: number;
	readonly #asked = new Map<number, Question>();
	#lastId = 0;
	/** Questions of the other end that are being answered. */
	#answering = 0;
	#answeringBytes = 0;
	/** What has come without its bytes, which are next. */
	#incomplete: { readonly envelope: Envelope; readonly delivery: Delivery } | undefined;

	constructor(descriptor: number, user: AskingUser, options: AskingOptions = {}) {
		this.#user = user;
		this.#clock = options.clock ?? systemClock;
		this.#mostQuestions = options.mostQuestions ?? 10_000;
		this.#mostQuestionBytes = options.mostQuestionBytes ?? Number.MAX_SAFE_INTEGER;
		this.#channel = new Channel(
			descriptor,
			{
				message: (body, files) => this.#message(body, files),
				ended: (why) => this.#ended(why),
			},
			options,
		);
	}

	/** What the other end answers. Throws what it refuses with, or a NoAnswerError. */
	ask(parcel: Parcel, limitMs: number): Promise<Delivery> {
		return new Promise((resolve, reject) => {
			const id = ++this.#lastId;
			const late = (): void => {
				this.#asked.delete(id);
				reject(new NoAnswerError(`no answer within ${limitMs / 1000} s`));
			};
			this.#asked.set(id, { resolve, reject, forgetLimit: this.#within(limitMs, late) });
			if (!this.#send("question", id, parcel)) this.#giveUp("there is nobody to ask any more");
		});
	}

	/** Calls `late` when so much time is over in which this process was there to hear. Returns what cancels that. */
	#within(limitMs: number, late: () => void): () => void {
		const ms = Math.min(limitMs, LONGEST_MS);
		const dueMs = this.#clock.now() + ms;
		let cancel = this.#clock.after(ms, () => {
			if (this.#clock.now() - dueMs < STOOD_STILL_MS) late();
			else cancel = this.#clock.after(GRACE_MS, late);
		});
		return () => cancel();
	}

	/** False if there is nobody to tell any more. */
	tell(parcel: Parcel): boolean {
		return this.#send("news", 0, parcel);
	}

	/** Ends it at once. Who waits for an answer gets a NoAnswerError. */
	close(): void {
		this.#channel.close();
		this.#incomplete?.delivery.files.close();
		this.#giveUp("closed before it was answered");
	}

	#send(is: Envelope["is"], id: number, { body, bytes, files, sent }: Parcel): boolean {
		const envelope = { is, id, hasBytes: bytes !== undefined, body };
		if (bytes === undefined) return this.#channel.send(envelope, files, sent);
		this.#channel.send(envelope, files);
		return this.#channel.send(bytes, [], sent);
	}

	#message(body: Body, files: Passed): void {
		if (body instanceof Uint8Array) {
			const incomplete = this.#incomplete;
			this.#incomplete = undefined;
			if (incomplete === undefined || files.count > 0) throw new FrameError("bytes that belong to nothing");
			this.#deliver(incomplete.envelope, { ...incomplete.delivery, bytes: body });
			return;
		}
		if (this.#incomplete !== undefined) throw new FrameError("bytes are missing");
		const envelope = envelopeOf(body);
		// They outlast this call: until the bytes are there, or the answer is.
		const delivery = { body: envelope.body, files: new Passed(files.take(), files.isLost) };
		if (envelope.hasBytes) this.#incomplete = { envelope, delivery };
		else this.#deliver(envelope, delivery);
	}

	#deliver({ is, id }: Envelope, delivery: Delivery): void {
		switch (is) {
			case "question":
				this.#refuseTooMany(delivery);
				void this.#answer(id, delivery);
				break;
			case "news":
				this.#user.told(delivery);
				delivery.files.close();
				break;
			case "answer":
				this.#asked.get(id)?.resolve(delivery);
				this.#forget(id);
				// Whoever waits for it comes before that.
				setImmediate(() => delivery.files.close());
				break;
			case "refusal":
				this.#asked.get(id)?.reject(errorOf(delivery.body));
				this.#forget(id);
				delivery.files.close();
				break;
			default:
				unreachable(is);
		}
	}

	#refuseTooMany({ bytes, files }: Delivery): void {
		const isTooMuch = this.#answeringBytes + (bytes?.length ?? 0) > this.#mostQuestionBytes;
		if (this.#answering < this.#mostQuestions && !isTooMuch) return;
		files.close();
		const most = isTooMuch ? `${this.#mostQuestionBytes} bytes in` : this.#mostQuestions;
		throw new FrameError(`more than ${most} questions at once`);
	}

	async #answer(id: number, question: Delivery): Promise<void> {
		const bytes = question.bytes?.length ?? 0;
		this.#answering += 1;
		this.#answeringBytes += bytes;
		try {
			this.#send("answer", id, await this.#user.answer(question));
		} catch (error) {
			this.#send("refusal", id, { body: refusalOf(error) });
		} finally {
			this.#answering -= 1;
			this.#answeringBytes -= bytes;
			question.files.close();
		}
	}

	#forget(id: number): void {
		this.#asked.get(id)?.forgetLimit();
		this.#asked.delete(id);
	}

	#giveUp(why: string): void {
		for (const [id, { reject }] of this.#asked) {
			this.#forget(id);
			reject(new NoAnswerError(why));
		}
	}

	#ended(why: string): void {
		this.#incomplete?.delivery.files.close();
		this.#giveUp(`the other end is gone (${why})`);
		this.#user.ended(why);
	}
}

function envelopeOf({ is, id, hasBytes, body }: Readonly<Record<string, unknown>>): Envelope {
	if (!KINDS.includes(is as Envelope["is"])) throw new FrameError("a message of an unknown kind");
	if (!Number.isSafeInteger(id) || typeof hasBytes !== "boolean")
		throw new FrameError("a message without a head");
	if (typeof body !== "object" || body === null) throw new FrameError("a message without a body");
	return { is, id, hasBytes, body } as Envelope;
}

/** What is to be said to who asked. Throws what is a bug here. */
function refusalOf(error: unknown): Refusal {
	if (isNativeError(error)) return { message: error.message, step: error.step, errno: error.errno };
	if (error instanceof OperatorError || isSystemError(error)) return { message: error.message };
	throw error;
}

/** Node's own, of a call that the system has refused. */
function isSystemError(error: unknown): error is Error {
	return error instanceof Error && "syscall" in error && "code" in error;
}

function errorOf({ message, step, errno }: Readonly<Record<string, unknown>>): Error {
	if (typeof step !== "string" || typeof errno !== "number") return new OperatorError(String(message));
	return Object.assign(new Error(String(message)), { step, errno });
}
