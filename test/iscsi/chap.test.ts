// CHAP without a connection: what is a proof and what is none, in both directions, and what nobody may do with a challenge.

import t from "tap";
import { LoginStatus, Stage } from "../../lib/iscsi/pdu.js";
import type { Chap } from "../../lib/iscsi/target.js";
import { type LoginWishes, logIn } from "../support/iscsi/initiator-login.js";
import { pairsOf, statusOf } from "../support/iscsi/pdus.js";
import { FIRST, INITIATOR, LoginUnderTest, TARGET, targetOf } from "./login-under-test.js";

const { security, operational, full } = Stage;
const SECRET = Buffer.from("a long secret");
const OTHER = Buffer.from("another long one");
const CHAP: Chap = { initiator: { user: "web", secret: SECRET }, target: { user: "disk", secret: OTHER } };
const RIGHT = { user: "web", secret: SECRET };

function under(chap: Chap = CHAP): LoginUnderTest {
	return new LoginUnderTest(targetOf(TARGET, chap));
}

async function outcome(chap: LoginWishes["chap"], login = under()) {
	return logIn(login, { name: INITIATOR, target: TARGET, ...(chap !== undefined && { chap }) }, 1);
}

/** A login whose challenge has come: what that is. */
function challenged(login: LoginUnderTest): { id: string; challenge: string } {
	login.say({ stage: security }, { ...FIRST, AuthMethod: "CHAP" });
	const { CHAP_I = "", CHAP_C = "" } = pairsOf(login.say({ stage: security }, { CHAP_A: "7" }).data);
	return { id: CHAP_I, challenge: CHAP_C };
}

t.test("with every algorithm, in base 16 and 64, in one direction and in both", async (t) => {
	for (const algorithms of ["5", "6", "7", "8"])
		for (const inBase64 of [false, true])
			for (const target of [undefined, { user: "disk", secret: OTHER }]) {
				const login = under();
				const chap = { ...RIGHT, algorithms, inBase64, ...(target !== undefined && { target }) };
				const { status, isProved } = await outcome(chap, login);
				t.equal(status, LoginStatus.success);
				t.equal(isProved, target === undefined ? null : true);
				t.match(login.end, { kind: "agreed", proved: { user: "web" } });
			}
});

t.test("the strongest of those that are offered", async (t) => {
	for (const [offered, chosen] of [
		["5,6,7,8", "8"],
		["5,7,6", "7"],
		["99,6,5", "6"],
	] as const)
		t.match((await outcome({ ...RIGHT, algorithms: offered })).keys, { CHAP_A: chosen });
	t.match(await outcome({ ...RIGHT, algorithms: "99" }), { status: LoginStatus.authenticationFailed });
});

t.test("what is wrong is refused, and the log has why", async (t) => {
	const rows: [why: RegExp, chap: LoginWishes["chap"], ours?: Chap][] = [
		[/secret of "web" is another/, { ...RIGHT, secret: OTHER }],
		[/no user "root"/, { ...RIGHT, user: "root" }],
		[/no secret for that/, { ...RIGHT, target: { user: "disk", secret: OTHER } }, { ...CHAP, target: null }],
		[
			/both directions are the same/,
			{ ...RIGHT, target: { user: "disk", secret: SECRET } },
			{ ...CHAP, target: { user: "disk", secret: SECRET } },
		],
		[/does not prove/, undefined],
	];
	for (const [why, chap, ours] of rows) {
		const login = under(ours);
		t.equal((await outcome(chap, login)).status, LoginStatus.authenticationFailed);
		t.match(login.end, { kind: "refused", why });
	}
});

t.test("nobody gets by", (t) => {
	const rows: [what: string, stage: typeof security | typeof operational, next: Stage, text: object][] = [
		["by leaving the stage out", operational, full, {}],
		["by going on at once", security, operational, {}],
		["by going on to the end", security, full, {}],
		["by another method", security, operational, { AuthMethod: "None" }],
		["by a method that is not there", security, operational, { AuthMethod: "SRP,KRB5" }],
	];
	for (const [what, stage, next, text] of rows) {
		const login = under();
		t.equal(
			statusOf(login.say({ stage, next }, { ...FIRST, ...text })),
			LoginStatus.authenticationFailed,
			what,
		);
	}
	const hasty = under();
	const first = hasty.say({ stage: security, next: full }, { ...FIRST, AuthMethod: "CHAP" });
	t.same([statusOf(first), first.head.readUInt8(1)], [0, 0], "it stays in the stage until it has proved it");
	const second = hasty.say({ stage: security, next: full }, { CHAP_A: "7" });
	t.same([statusOf(second), second.head.readUInt8(1)], [0, 0]);
	const third = hasty.say({ stage: operational, next: full });
	t.equal(statusOf(third), LoginStatus.initiatorError);
	t.end();
});

t.test("a proof that is none", (t) => {
	const digest = `0x${"00".repeat(32)}`;
	const rows: [why: RegExp, text: Record<string, string>][] = [
		[/another one/, { CHAP_N: "web", CHAP_R: digest }],
		[/is none/, { CHAP_N: "web", CHAP_R: "0x00" }],
		[/is none/, { CHAP_N: "web", CHAP_R: `${digest}00` }],
		[/is none/, { CHAP_N: "web", CHAP_R: "0x" }],
		[/is none/, { CHAP_N: "web", CHAP_R: "secret" }],
		[/is none/, { CHAP_N: "web", CHAP_R: "0b!!!!" }],
		[/no name/, { CHAP_R: digest }],
		[/nothing else/, { CHAP_N: "web" }],
		[/gives none/, { CHAP_I: "1", CHAP_C: "0x00" }],
		[/twice of CHAP_A/, { CHAP_A: "7" }],
	];
	for (const [why, text] of rows) {
		const login = under();
		challenged(login);
		const status = statusOf(login.say({ stage: security, next: operational }, text));
		t.equal(status >> 8, 2, String(why));
		t.match(login.end, { kind: "refused", why });
	}
	const early = under();
	early.say({ stage: security }, { ...FIRST, AuthMethod: "CHAP" });
	early.say({ stage: security }, { CHAP_N: "web", CHAP_R: digest });
	t.match(early.end, { kind: "refused", why: /has not got/ });
	const none = under();
	none.say({ stage: security }, { ...FIRST, CHAP_A: "7" });
	t.match(none.end, { kind: "refused", why: /before that was agreed on/ });
	t.end();
});

t.test("a challenge of the initiator that is none, or ours", async (t) => {
	const { chapResponse } = await import("../../lib/iscsi/chap.js");
	const rows: [why: RegExp, text: (ours: string) => Record<string, string>][] = [
		[/sends back our own/, (ours) => ({ CHAP_I: "1", CHAP_C: ours })],
		[
			/sends back our own/,
			(ours) => ({ CHAP_I: "1", CHAP_C: `0b${Buffer.from(ours.slice(2), "hex").toString("base64")}` }),
		],
		[/challenge is none/, () => ({ CHAP_I: "256", CHAP_C: "0x00" })],
		[/challenge is none/, () => ({ CHAP_I: "1", CHAP_C: `0x${"00".repeat(1025)}` })],
		[/challenge is none/, () => ({ CHAP_C: "0x00" })],
		[/challenge is none/, () => ({ CHAP_I: "1" })],
	];
	for (const [why, text] of rows) {
		const login = under();
		const { id, challenge } = challenged(login);
		const proof = chapResponse("sha256", Number(id), SECRET, Buffer.from(challenge.slice(2), "hex"));
		const keys = { CHAP_N: "web", CHAP_R: `0x${proof.toString("hex")}`, ...text(challenge) };
		const response = login.say({ stage: security, next: operational }, keys);
		t.equal(statusOf(response), LoginStatus.authenticationFailed);
		t.match(login.end, { kind: "refused", why });
		t.notOk("CHAP_R" in pairsOf(response.data), "nothing is proved to it");
	}
});

t.test("no challenge comes twice", (t) => {
	const challenges = Array.from({ length: 20 }, () => challenged(under()).challenge);
	t.equal(new Set(challenges).size, 20);
	t.end();
});

t.test("a discovery session has nothing to prove, and can't", async (t) => {
	const wishes = { name: INITIATOR, chap: RIGHT };
	t.match(await logIn(new LoginUnderTest(), { name: INITIATOR }, 1), { status: LoginStatus.success });
	t.match(
		await logIn(new LoginUnderTest(), wishes, 1),
		{ status: LoginStatus.authenticationFailed },
		"no secret here",
	);
});
