/**
 * Whoever guesses tokens is slowed, and nobody else: by address, for longer each time, in a table that does not grow.
 */

import t from "tap";
import { Guard } from "../../lib/control/guard.js";
import { Guesses } from "../../lib/control/guesses.js";
import type { Refusal } from "../../lib/control/problem.js";

const TOKEN = "a-token-of-the-tests";
const WRONG_FREE = 4;

t.test("after some wrong ones each next has to wait longer, a minute at last", async (t) => {
	let now = 0;
	const guesses = new Guesses(() => now);
	const waits: number[] = [];
	for (let guess = 0; guess < WRONG_FREE + 10; guess++) {
		guesses.wrong("192.0.2.1", `${guess}`);
		waits.push(guesses.waitMs("192.0.2.1"));
		now += guesses.waitMs("192.0.2.1");
		t.equal(guesses.waitMs("192.0.2.1"), 0, "then it may try again");
	}
	t.strictSame(waits.slice(0, WRONG_FREE + 3), [0, 0, 0, 0, 1000, 2000, 4000]);
	t.equal(waits.at(-1), 60_000);
	guesses.wrong("192.0.2.1", "x");
	t.equal(guesses.waitMs("192.0.2.2"), 0, "others don't wait");
	now += 600_000;
	guesses.waitMs("192.0.2.1");
	t.equal(guesses.size, 0, "who has given up is forgotten");
});

t.test("one that comes again and again is one guess", async (t) => {
	const guesses = new Guesses(() => 0);
	for (let times = 0; times < 100; times++) guesses.wrong("192.0.2.1", "yesterday's");
	t.equal(guesses.waitMs("192.0.2.1"), 0);
});

t.test("a network of IPv6 is one place, and the table does not grow", async (t) => {
	const guesses = new Guesses(() => 0);
	for (let guess = 0; guess <= WRONG_FREE; guess++) guesses.wrong(`2001:db8::${guess}`, `${guess}`);
	t.equal(guesses.waitMs("2001:db8:0:0:ffff::1"), 1000);
	t.equal(guesses.waitMs("2001:db8:0:1::1"), 0);
	for (let host = 0; host < 5000; host++) guesses.wrong(`10.0.${host >> 8}.${host & 255}`, "a");
	t.equal(guesses.size, 1024);
});

t.test(
	"the right token counts from everywhere but there; reading from this machine is free all the while",
	async (t) => {
		let now = 0;
		const guard = new Guard({ token: TOKEN, names: ["server"], now: () => now });
		const ask = (remoteAddress: string, token: string, method = "GET"): Refusal | boolean => {
			const headers: Record<string, string> = {
				host: "server",
				authorization: `Bearer ${token}`,
				"content-type": "application/json",
			};
			const caller = { transport: "tcp", localAddress: "192.0.2.1", remoteAddress } as const;
			try {
				return guard.admit(method, false, caller, (name) => headers[name]);
			} catch (error) {
				return error as Refusal;
			}
		};
		for (let guess = 0; guess <= WRONG_FREE; guess++)
			t.match(ask("192.0.2.9", `guess ${guess}`.replace(" ", "-")), { status: 401 });
		t.match(ask("192.0.2.9", TOKEN), { status: 429, more: { headers: { "retry-after": "1" } } });
		t.equal(ask("192.0.2.8", TOKEN), true, "from elsewhere");
		now += 1000;
		t.equal(ask("192.0.2.9", TOKEN), true, "and from there when it has waited");
		t.match(ask("192.0.2.9", "another-guess"), { status: 401 }, "which begins anew");
		for (let guess = 0; guess <= WRONG_FREE; guess++) t.equal(ask("127.0.0.1", `guess-${guess}`), false);
		t.equal(ask("127.0.0.1", TOKEN), false, "reading: nothing of the token is told");
		t.match(ask("127.0.0.1", TOKEN, "POST"), { status: 429 });
	},
);
