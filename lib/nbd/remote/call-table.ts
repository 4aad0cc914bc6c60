/** The calls of a session that are not over: by the number that the server knows them by, and in line those that are not with it. */

import type { BlockRequest } from "../../block/request.js";
import { invariant } from "../../errors.js";
import type { Call } from "./call.js";

export class CallTable {
	readonly #calls: (Call | null)[] = [];
	readonly #free: number[] = [];
	/** In the order in which they are sent; those before `#first` are gone. */
	#line: Call[] = [];
	#first = 0;
	#sequence = 0;
	/** Numbers of those that go before all others. */
	#before = 0;

	get isEmpty(): boolean {
		return this.#calls.length === this.#free.length;
	}

	/** Those that are not with the server. */
	get waiting(): number {
		return this.#line.length - this.#first;
	}

	at(index: number): Call | null {
		return this.#calls[index] ?? null;
	}

	/** What a request is done as, or null. */
	of(request: BlockRequest): Call | null {
		return this.#calls.find((call) => call?.request === request) ?? null;
	}

	/** One of those under way, or null. */
	first(): Call | null {
		return this.#calls.find((call) => call !== null) ?? null;
	}

	add(call: Call): void {
		this.enter(call);
		call.sequence = ++this.#sequence;
		this.#line.push(call);
	}

	/** Before all others. */
	addFirst(call: Call): void {
		this.enter(call);
		call.sequence = --this.#before;
		if (this.#first > 0) this.#line[--this.#first] = call;
		else this.#line.unshift(call);
	}

	/** Under way, though in no line. */
	enter(call: Call): void {
		invariant(call.index < 0, "a call is made twice");
		call.index = this.#free.pop() ?? this.#calls.length;
		this.#calls[call.index] = call;
	}

	/** The next one that is to be sent, or null. */
	takeWaiting(): Call | null {
		if (this.#first === this.#line.length) return null;
		const call = this.#line[this.#first++]!;
		if (this.#first === this.#line.length) {
			this.#line.length = 0;
			this.#first = 0;
		}
		return call;
	}

	/** It is over, and not in line. */
	remove(call: Call): void {
		this.#calls[call.index] = null;
		this.#free.push(call.index);
		call.index = -1;
		call.isSent = false;
		call.isUnwanted = false;
	}

	/** Those under way of which that is so. */
	those(isSo: (call: Call) => boolean): Call[] {
		return this.#calls.filter((call) => call !== null).filter(isSo);
	}

	/** True if it was in line, and is not under way any more. */
	cancel(call: Call): boolean {
		const at = this.#line.indexOf(call, this.#first);
		if (at < 0) return false;
		this.#line.splice(at, 1);
		this.remove(call);
		return true;
	}

	/** Those in line that nobody wants any more, which are over with that. */
	takeUnwanted(): Call[] {
		return this.those(({ isUnwanted }) => isUnwanted).filter((call) => this.cancel(call));
	}

	/** All are in line again, as they were; how many of them the server had. */
	waitAgain(): number {
		let count = 0;
		this.#line.length = 0;
		this.#first = 0;
		for (const call of this.#calls) {
			if (call === null) continue;
			if (call.isSent) count++;
			call.renew();
			this.#line.push(call);
		}
		this.#line.sort((a, b) => a.sequence - b.sequence);
		return count;
	}

	/** All of them, in order, which are over with that. */
	takeAll(): Call[] {
		this.waitAgain();
		const calls = this.#line.splice(0);
		for (const call of calls) this.remove(call);
		return calls;
	}
}
