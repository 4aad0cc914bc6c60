// Logins and texts of whoever means ill, without a connection: they end, in bounds, and nobody gets in without the secret.

import t from "tap";
import { defaultParameters } from "../../lib/iscsi/parameters.js";
import { Flag, NO_TAG } from "../../lib/iscsi/pdu.js";
import { Texts } from "../../lib/iscsi/text.js";
import { Random } from "../../lib/random.js";
import { rounds } from "../support/long.js";
import { hostileLogin, hostileText, noise } from "./hostile.js";
import { FIRST, INITIATOR, LoginUnderTest, offersOf, TARGET, targetOf } from "./login-under-test.js";

const ROUNDS = rounds(4000, 100_000);
const REQUESTS_MAX = 64;
const CHAP = { initiator: { user: "web", secret: Buffer.from("a long secret") }, target: null };

/** What one that ends may have cost. */
function isBounded(login: LoginUnderTest, sentBytes: number): boolean {
	return login.mostWanted <= 8192 && sentBytes <= REQUESTS_MAX * (8192 + 48);
}

t.test("logins, one after the other on a connection, until it is over", (t) => {
	const random = new Random();
	let agreed = 0;
	let refused = 0;
	for (let round = 0; round < ROUNDS; round++) {
		const isClosed = random.chance(0.5);
		const login = new LoginUnderTest(targetOf(TARGET, isClosed ? CHAP : null));
		let sentBytes = 0;
		for (let request = 0; request < 2 * REQUESTS_MAX && login.end === null; request++) {
			const bytes = random.chance(0.01) ? noise(random, 200) : hostileLogin(random, FIRST, request === 0);
			for (const { data } of login.bytes(bytes)) sentBytes += 48 + data.length;
		}
		if (!isBounded(login, sentBytes)) t.fail(`seed ${random.seed}, round ${round}: not bounded`);
		if (login.end?.kind === "agreed") {
			agreed++;
			if (isClosed) t.fail(`seed ${random.seed}, round ${round}: it got in`);
			const { parameters } = login.end;
			const isRight =
				parameters.firstBurstLength <= parameters.maxBurstLength &&
				parameters.maxRecvDataSegmentLength >= 512 &&
				parameters.maxOutstandingR2T >= 1;
			if (!isRight) t.fail(`seed ${random.seed}, round ${round}: ${JSON.stringify(parameters)}`);
		} else if (login.end?.kind === "refused" && login.end.why !== "") refused++;
	}
	t.ok(agreed > ROUNDS / 100, `some are agreed on: ${agreed}`);
	t.ok(refused > ROUNDS / 10, `most are refused: ${refused}`);
	t.end();
});

t.test("texts", (t) => {
	const random = new Random();
	const targets = Array.from({ length: 200 }, (_, i) => targetOf(`iqn.2026-11.org.example:${i}`));
	const parameters = defaultParameters();
	const texts = new Texts(offersOf(targets), INITIATOR, null, parameters);
	let ttt: number = NO_TAG;
	let answered = 0;
	let rejected = 0;
	for (let round = 0; round < ROUNDS; round++) {
		const flags = [Flag.final, Flag.final, 0, Flag.continues, 0xc0][random.below(5)]!;
		const data = random.chance(0.3) ? Buffer.alloc(0) : hostileText(random, { SendTargets: "All" });
		// (What it says in this request of how much it takes is so of the next answer.)
		const most = parameters.maxRecvDataSegmentLength;
		const answer = texts.answer({ flags, itt: random.below(10) === 0 ? 2 : 1, ttt, data });
		if (typeof answer === "number") rejected++;
		else answered++;
		ttt = typeof answer === "number" || random.chance(0.05) ? NO_TAG : answer.ttt;
		if (typeof answer === "number" || answer.text.length <= most) continue;
		t.fail(`seed ${random.seed}, round ${round}: ${answer.text.length} bytes`);
	}
	t.ok(answered > ROUNDS / 10 && rejected > ROUNDS / 10, `${answered} were answered, ${rejected} rejected`);
	t.end();
});
