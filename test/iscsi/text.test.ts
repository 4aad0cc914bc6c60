// Text requests without a connection: which targets are told of to whom, in how many PDUs, and what makes no sense.

import t from "tap";
import { defaultParameters } from "../../lib/iscsi/parameters.js";
import { Flag, NO_TAG, RejectReason } from "../../lib/iscsi/pdu.js";
import type { Offers } from "../../lib/iscsi/talk.js";
import type { IscsiTarget } from "../../lib/iscsi/target.js";
import { type TextAnswer, Texts } from "../../lib/iscsi/text.js";
import { pairsOf } from "../support/iscsi/pdus.js";
import { INITIATOR, offersOf, TARGET, targetOf } from "./login-under-test.js";

const { final, continues } = Flag;
const ADDRESSES = "192.0.2.1:3260,1 [2001:db8::1]:3260,1";

class TextsUnderTest {
	readonly texts: Texts;
	readonly parameters = defaultParameters();
	/** Who was shown nothing, and why. */
	readonly unshown: string[] = [];

	constructor(targets: IscsiTarget[], own: IscsiTarget | null) {
		const shownNothing: Offers["shownNothing"] = ({ name }, why) => void this.unshown.push(`${name}: ${why}`);
		this.texts = new Texts({ ...offersOf(targets), shownNothing }, INITIATOR, own, this.parameters);
	}

	ask(
		data: string | Buffer,
		flags: number = final,
		ttt: number = NO_TAG,
		itt = 1,
	): TextAnswer | RejectReason {
		return this.texts.answer({ flags, itt, ttt, data: Buffer.from(data) });
	}

	/** An answer that is one PDU, or asked for until it is over. */
	all(data: string): { pairs: Record<string, string>; text: string; pdus: number } {
		const parts: Buffer[] = [];
		for (let ttt: number = NO_TAG, question = data; ; question = "") {
			const answer = this.ask(question, final, ttt);
			if (typeof answer === "number") throw new Error(`rejected: ${answer}`);
			parts.push(answer.text);
			ttt = answer.ttt;
			if (answer.flags !== final) continue;
			const text = Buffer.concat(parts);
			return { pairs: pairsOf(text), text: text.toString(), pdus: parts.length };
		}
	}
}

const other = "iqn.2026-11.org.example:other";
const secret = "iqn.2026-11.org.example:secret";
const ALL = [targetOf(), targetOf(other), targetOf(secret, null, false)];

t.test("a discovery session is told of all that it may have, or of one", (t) => {
	const texts = new TextsUnderTest(ALL, null);
	t.match(texts.all("SendTargets=All\0").pairs, {
		TargetName: `${TARGET} ${other}`,
		TargetAddress: `${ADDRESSES} ${ADDRESSES}`,
	});
	t.match(texts.all(`SendTargets=${other.toUpperCase()}\0`).pairs, {
		TargetName: other,
		TargetAddress: ADDRESSES,
	});
	t.same(texts.all(`SendTargets=${secret}\0`).pairs, {}, "of one that it may not have, nothing");
	t.same(texts.all("SendTargets=iqn.none\0").pairs, {});
	t.same(texts.all("SendTargets=\0").pairs, { SendTargets: "Reject" }, "it has no target of its own");
	t.same(texts.all("").pairs, {});
	t.end();
});

t.test("that there is something, and nothing for somebody, is told to people", (t) => {
	const texts = new TextsUnderTest(ALL, null);
	texts.all("SendTargets=All\0");
	texts.all("SendTargets=iqn.none\0");
	t.same(texts.unshown, []);
	texts.all(`SendTargets=${secret}\0`);
	const none = new TextsUnderTest([ALL[2]!, targetOf(other, null, false)], null);
	none.all("SendTargets=All\0");
	const told = [`${INITIATOR}: it is not among those who may have that target`];
	t.same([texts.unshown, none.unshown], [told, told], "once");
	t.end();
});

t.test("another session is told of its own", (t) => {
	const texts = new TextsUnderTest(ALL, ALL[0]!);
	t.same(texts.all("SendTargets=\0").pairs, { TargetName: TARGET, TargetAddress: ADDRESSES });
	t.same(texts.all(`SendTargets=${TARGET}\0`).pairs, { TargetName: TARGET, TargetAddress: ADDRESSES });
	t.same(texts.all(`SendTargets=${other}\0`).pairs, {});
	t.same(texts.all("SendTargets=All\0").pairs, { SendTargets: "Reject" });
	t.end();
});

t.test("what may change later, and what may not", (t) => {
	const texts = new TextsUnderTest(ALL, ALL[0]!);
	t.same(texts.all("MaxRecvDataSegmentLength=65536\0").pairs, {});
	t.equal(texts.parameters.maxRecvDataSegmentLength, 65_536);
	t.same(texts.all("MaxRecvDataSegmentLength=1\0InitialR2T=No\0X-a=b\0InitiatorAlias=me\0").pairs, {
		MaxRecvDataSegmentLength: "Reject",
		InitialR2T: "Reject",
		"X-a": "NotUnderstood",
	});
	t.equal(texts.parameters.maxRecvDataSegmentLength, 65_536);
	t.end();
});

t.test("an answer in many PDUs, none longer than the initiator takes", (t) => {
	const targets = Array.from({ length: 4000 }, (_, i) => targetOf(`iqn.2026-11.org.example:${i}`));
	const texts = new TextsUnderTest(targets, null);
	const whole = (bytes: number) => {
		texts.parameters.maxRecvDataSegmentLength = bytes;
		return texts.all("SendTargets=All\0");
	};
	const small = whole(512);
	t.equal(small.text.match(/TargetName=/g)?.length, 4000);
	t.equal(small.pdus, Math.ceil(small.text.length / 512));
	const large = whole(2 ** 24 - 1);
	t.equal(large.text, small.text);
	t.equal(large.pdus, Math.ceil(small.text.length / 262_144), "but none longer than we like");
	texts.parameters.maxRecvDataSegmentLength = 512;
	const first = texts.ask("SendTargets=All\0") as TextAnswer;
	t.same([first.flags, first.text.length, first.ttt === NO_TAG], [continues, 512, false]);
	const second = texts.ask("", final, first.ttt) as TextAnswer;
	t.equal(second.text.length, 512);
	t.equal(texts.ask("", final, first.ttt), RejectReason.invalidField, "what was said is said once");
	t.equal(texts.ask("", final, second.ttt), RejectReason.invalidField, "and then all of it is over");
	t.end();
});

t.test("a question in many PDUs", (t) => {
	const texts = new TextsUnderTest(ALL, null);
	let answer = texts.ask("SendTar", continues) as TextAnswer;
	t.match(answer, { text: Buffer.alloc(0), flags: 0 });
	answer = texts.ask("gets=A", continues, answer.ttt) as TextAnswer;
	answer = texts.ask("ll\0", 0, answer.ttt) as TextAnswer;
	t.equal(answer.flags, 0, "it may have more to say");
	t.match(pairsOf(answer.text), { TargetName: `${TARGET} ${other}` });
	answer = texts.ask("X-a=b\0", final, answer.ttt) as TextAnswer;
	t.match(answer, { flags: final, ttt: NO_TAG });
	t.same(pairsOf(answer.text), { "X-a": "NotUnderstood" });
	t.end();
});

t.test("what makes no sense is rejected, and another question is answered", (t) => {
	const { protocolError, invalidField } = RejectReason;
	const texts = new TextsUnderTest(ALL, null);
	for (const text of [
		"SendTargets\0",
		"=All\0",
		"1=2\0",
		"A=\x01\0",
		"A=1\0A=2\0",
		Buffer.from("A=\xff\0", "latin1"),
	])
		t.equal(texts.ask(text), protocolError);
	t.equal(texts.ask("", final, 77), invalidField);
	t.equal(texts.ask("A=b\0", final | continues), protocolError);
	const open = texts.ask("A=b\0", 0) as TextAnswer;
	t.equal(texts.ask("", final, open.ttt, 2), invalidField, "of another task");
	let answer = texts.ask("x", continues) as TextAnswer | RejectReason;
	for (let i = 0; i < 16 && typeof answer !== "number"; i++)
		answer = texts.ask("x".repeat(8192), continues, answer.ttt);
	t.equal(answer, protocolError, "a text has an end");
	t.equal(
		texts.ask(Array.from({ length: 300 }, (_, i) => `X-${i}=1\0`).join("")),
		protocolError,
		"and so many keys",
	);
	t.match(texts.all("SendTargets=All\0").pairs, { TargetName: `${TARGET} ${other}` });
	t.end();
});

t.test("a new question is the end of the one before", (t) => {
	const texts = new TextsUnderTest(ALL, null);
	const open = texts.ask("SendTar", continues) as TextAnswer;
	t.match(texts.all("SendTargets=All\0").pairs, { TargetName: `${TARGET} ${other}` });
	t.equal(texts.ask("gets=All\0", final, open.ttt), RejectReason.invalidField);
	t.end();
});
