// Logins in more PDUs than one a request, and what is too much of that.

import t from "tap";
import { textOf } from "../../lib/iscsi/keys.js";
import { Field, Flag, LoginStatus, Stage } from "../../lib/iscsi/pdu.js";
import { bytesOf, loginRequest, pairsOf, pdusOf } from "../support/iscsi/pdus.js";
import { FIRST, LoginUnderTest, SESSION } from "./login-under-test.js";

const { operational, full } = Stage;
const FULL = { stage: operational, next: full };

t.test("texts in many PDUs, of both sides", (t) => {
	const login = new LoginUnderTest();
	const unknown = Object.fromEntries(
		Array.from({ length: 240 }, (_, i) => [`X-org.example.${"a".repeat(40)}${i}`, "1"]),
	);
	const text = textOf(Object.entries({ ...FIRST, ...unknown }));
	for (let at = 0; at < 8192; at += 4096) {
		const piece = text.subarray(at, at + 4096);
		const answer = login.say({ stage: operational, continues: true }, piece);
		t.same([answer.data.length, answer.head.readUInt8(Field.flags)], [0, operational << 2], "go on");
	}
	const answers = [login.say(FULL, text.subarray(8192))];
	while (login.end === null) {
		t.equal(answers.at(-1)?.head.readUInt8(Field.flags), Flag.continues | (operational << 2));
		answers.push(...login.bytes(bytesOf(loginRequest({ stage: operational }))));
	}
	if (login.end.kind !== "agreed") throw new Error(login.end.why);
	answers.push(...pdusOf(Buffer.from(login.end.accept(SESSION))));
	t.ok(answers.every(({ data }) => data.length <= 8192));
	const said = pairsOf(Buffer.concat(answers.map(({ data }) => data)));
	t.equal(Object.values(said).filter((value) => value === "NotUnderstood").length, 240);
	t.equal(answers.at(-1)?.head.readUInt8(Field.flags), Flag.transit | (operational << 2) | full);
	t.end();
});

t.test("whoever goes on before he has heard the answer", (t) => {
	const login = new LoginUnderTest();
	const unknown = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`${"a".repeat(40)}${i}`, "1"]));
	const text = textOf(Object.entries({ ...FIRST, ...unknown }));
	login.say({ stage: operational, continues: true }, text.subarray(0, 8192));
	login.say(FULL, text.subarray(8192));
	login.say(FULL, { InitialR2T: "No" });
	t.match(login.end, { kind: "refused", why: /before it has heard/ });
	t.end();
});

t.test("limits of what somebody may say before he has proved anything", (t) => {
	const ends = (what: RegExp, login: LoginUnderTest): void => {
		t.match(login.end, { kind: "refused", status: LoginStatus.initiatorError, why: what });
		t.ok(login.mostWanted <= 8192, "and it never waits for more than one segment");
	};
	const long = new LoginUnderTest();
	for (let i = 0; i < 20 && long.end === null; i++)
		long.say({ stage: operational, continues: true }, Buffer.alloc(8192, "a"));
	ends(/too long/, long);
	const large = new LoginUnderTest();
	large.bytes(bytesOf(loginRequest(FULL, Buffer.alloc(8193, "a"))).subarray(0, 48));
	ends(/too long/, large);
	const endless = new LoginUnderTest();
	endless.say({ stage: operational }, FIRST);
	for (let i = 0; i < 100 && endless.end === null; i++) endless.say({ stage: operational });
	ends(/no end/, endless);
	const drops = new LoginUnderTest();
	for (let i = 0; i < 100 && drops.end === null; i++) drops.say({ stage: operational, continues: true });
	ends(/no end/, drops);
	const many = new LoginUnderTest();
	many.say(FULL, { ...FIRST, ...Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`X-${i}`, "1"])) });
	ends(/too many keys/, many);
	const value = new LoginUnderTest();
	value.say(FULL, { ...FIRST, InitiatorAlias: "a".repeat(256) });
	ends(/too long/, value);
	const name = new LoginUnderTest();
	name.say(FULL, { ...FIRST, ["a".repeat(64)]: "1" });
	ends(/name that none has/, name);
	const header = new LoginUnderTest();
	header.bytes(bytesOf({ ...loginRequest(FULL, FIRST), ahs: Buffer.alloc(0) }).fill(1, 4, 5));
	ends(/several parts/, header);
	t.end();
});
