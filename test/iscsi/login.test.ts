// Logins without a connection: stages, what is agreed on of each key, who is refused and why, and limits.

import t from "tap";
import { defaultParameters } from "../../lib/iscsi/parameters.js";
import { Field, Flag, LoginStatus, Opcode, Stage } from "../../lib/iscsi/pdu.js";
import { bytesOf, ISID, opcode, pairsOf, pdu, statusOf } from "../support/iscsi/pdus.js";
import { FIRST, INITIATOR, LoginUnderTest, SESSION, TARGET, targetOf } from "./login-under-test.js";

const { security, operational, full } = Stage;
const FULL = { stage: operational, next: full };

t.test("a login in one request, as simple initiators do it", (t) => {
	const login = new LoginUnderTest();
	const { response, end } = login.finish(
		{ ...FULL, cmdSN: 41, cid: 3 },
		{ ...FIRST, InitiatorAlias: "here" },
	);
	t.equal(opcode(response), Opcode.loginResponse);
	t.equal(response.head.readUInt8(Field.flags), Flag.transit | (operational << 2) | full);
	t.equal(statusOf(response), LoginStatus.success);
	t.equal(response.head.readUInt16BE(Field.tsih), SESSION);
	t.equal(response.head.toString("hex", Field.isid, Field.tsih), ISID);
	t.equal(response.head.readUInt32BE(Field.expCmdSN), 41);
	t.equal(response.head.readUInt32BE(Field.maxCmdSN), 41 + 127);
	t.equal((response.head.readUInt32BE(Field.statSN) + 1) >>> 0, end.statSN);
	t.same(pairsOf(response.data), {
		TargetPortalGroupTag: "1",
		TargetAlias: "the web's",
		MaxRecvDataSegmentLength: "131072",
	});
	t.same(end.identity, { initiatorName: INITIATOR, isid: ISID, tsih: 0, cid: 3 });
	t.equal(end.target?.scsi.name, TARGET);
	t.equal(end.initiatorAlias, "here");
	t.equal(end.proved, null);
	t.equal(end.cmdSN, 41);
	t.match(end.parameters, {
		initialR2T: true,
		immediateData: true,
		headerDigest: false,
		maxBurstLength: 262_144,
	});
	t.end();
});

t.test("a login by all stages", (t) => {
	const login = new LoginUnderTest();
	const first = login.say({ stage: security, next: operational }, { ...FIRST, AuthMethod: "CHAP,None" });
	t.equal(first.head.readUInt8(Field.flags), Flag.transit | operational);
	t.match(pairsOf(first.data), { AuthMethod: "None" });
	t.equal(first.head.readUInt16BE(Field.tsih), 0, "there is no session yet");
	const second = login.say({ stage: operational }, { HeaderDigest: "CRC32C,None", "X-org.example.a": "b" });
	t.equal(second.head.readUInt8(Field.flags), operational << 2);
	t.same(pairsOf(second.data), {
		HeaderDigest: "CRC32C",
		"X-org.example.a": "NotUnderstood",
		MaxRecvDataSegmentLength: "131072",
	});
	const { response, end } = login.finish(FULL, { DataDigest: "None" });
	t.same(pairsOf(response.data), { DataDigest: "None" });
	t.match(end.parameters, { headerDigest: true, dataDigest: false });
	t.end();
});

t.test("keys, and what is agreed on", (t) => {
	const rows: [key: string, offer: string, answer: string | undefined, agreed?: object][] = [
		["InitialR2T", "No", "No", { initialR2T: false }],
		["InitialR2T", "Yes", "Yes", { initialR2T: true }],
		["InitialR2T", "yes", "Reject"],
		["ImmediateData", "No", "No", { immediateData: false }],
		["MaxBurstLength", "16776192", "1048576", { maxBurstLength: 1_048_576 }],
		["MaxBurstLength", "512", "512", { maxBurstLength: 512, firstBurstLength: 512 }],
		["MaxBurstLength", "0x1000", "4096", { maxBurstLength: 4096 }],
		["MaxBurstLength", "511", "Reject", { maxBurstLength: 262_144 }],
		["MaxBurstLength", "16777216", "Reject"],
		["FirstBurstLength", "262144", "131072", { firstBurstLength: 131_072 }],
		["FirstBurstLength", "-1", "Reject"],
		["MaxOutstandingR2T", "64", "16", { maxOutstandingR2T: 16 }],
		["MaxOutstandingR2T", "0", "Reject"],
		["MaxConnections", "8", "1"],
		["ErrorRecoveryLevel", "2", "0"],
		["ErrorRecoveryLevel", "3", "Reject"],
		["DataPDUInOrder", "No", "Yes"],
		["DataSequenceInOrder", "No", "Yes"],
		["DefaultTime2Wait", "5", "5", { defaultTime2Wait: 5 }],
		["DefaultTime2Retain", "20", "0", { defaultTime2Retain: 0 }],
		["MaxRecvDataSegmentLength", "262144", undefined, { maxRecvDataSegmentLength: 262_144 }],
		["MaxRecvDataSegmentLength", "1", "Reject", { maxRecvDataSegmentLength: 8192 }],
		["DataDigest", "CRC32C", "CRC32C", { dataDigest: true }],
		["DataDigest", "None,CRC32C", "None", { dataDigest: false }],
		["DataDigest", "X-md4", "Reject", { dataDigest: false }],
		["iSCSIProtocolLevel", "2", "2", { protocolLevel: 2 }],
		["iSCSIProtocolLevel", "1", "1", { protocolLevel: 1 }],
		["TaskReporting", "FastAbort,ResponseFence,RFC3720", "ResponseFence"],
		["IFMarker", "Yes", "No"],
		["IFMarkInt", "2048~65535", "Reject"],
		["SendTargets", "All", "Reject"],
		["TargetAlias", "mine", "Reject"],
		["RDMAExtensions", "Yes", "NotUnderstood"],
		["X#NodeArchitecture", "NotUnderstood", undefined],
	];
	for (const [key, offer, answer, agreed = {}] of rows) {
		const { response, end } = new LoginUnderTest().finish(FULL, { ...FIRST, [key]: offer });
		const pairs = pairsOf(response.data);
		const own = key === "MaxRecvDataSegmentLength" ? "131072" : undefined;
		const alias = key === "TargetAlias" ? "the web's " : "";
		const wanted =
			own === undefined ? answer && alias + answer : answer === undefined ? own : `${answer} ${own}`;
		t.equal(pairs[key], wanted, `${key}=${offer}`);
		t.match(end.parameters, agreed, `${key}=${offer}: agreed`);
	}
	t.end();
});

t.test("a first burst is no longer than any, in whichever order they come", (t) => {
	for (const keys of [
		{ MaxBurstLength: "4096", FirstBurstLength: "8192" },
		{ FirstBurstLength: "8192", MaxBurstLength: "4096" },
	]) {
		const { end } = new LoginUnderTest().finish(FULL, { ...FIRST, ...keys });
		t.match(end.parameters, { maxBurstLength: 4096, firstBurstLength: 4096 });
	}
	t.end();
});

t.test("a discovery session needs no target, and nothing of what data needs", (t) => {
	const { response, end } = new LoginUnderTest().finish(FULL, {
		InitiatorName: INITIATOR,
		SessionType: "Discovery",
		InitialR2T: "No",
		ErrorRecoveryLevel: "0",
		DefaultTime2Wait: "2",
		HeaderDigest: "CRC32C",
	});
	t.same(pairsOf(response.data), {
		InitialR2T: "Irrelevant",
		ErrorRecoveryLevel: "0",
		DefaultTime2Wait: "2",
		HeaderDigest: "CRC32C",
		MaxRecvDataSegmentLength: "131072",
	});
	t.equal(end.target, null);
	t.end();
});

t.test("who is refused is told why", (t) => {
	const { InitiatorName, TargetName } = FIRST;
	const rows: [status: number, why: RegExp, text: Record<string, string>, options?: object][] = [
		[LoginStatus.missingParameter, /InitiatorName/, { TargetName: TARGET }],
		[LoginStatus.missingParameter, /TargetName/, { InitiatorName: INITIATOR }],
		[LoginStatus.notFound, /no target "iqn\.other"/, { ...FIRST, TargetName: "iqn.other" }],
		[LoginStatus.notFound, /no target "web"/, { ...FIRST, TargetName: "web" }],
		[LoginStatus.unsupportedType, /"Other"/, { ...FIRST, SessionType: "Other" }],
		[LoginStatus.initiatorError, /no name/, { ...FIRST, InitiatorName: "me" }],
		[LoginStatus.unsupportedVersion, /version/, { ...FIRST }, { versionMin: 1 }],
		[LoginStatus.noSession, /session/, { ...FIRST }, { tsih: 9 }],
		[LoginStatus.initiatorError, /back to a stage/, { ...FIRST }, { next: security }],
		[LoginStatus.initiatorError, /none of/, { ...FIRST }, { stage: 2 }],
		[LoginStatus.initiatorError, /goes on, and is over/, { ...FIRST }, { continues: true }],
		[LoginStatus.initiatorError, /too late of AuthMethod/, { ...FIRST, AuthMethod: "None" }],
		[
			LoginStatus.initiatorError,
			/too early of InitialR2T/,
			{ ...FIRST, InitialR2T: "No" },
			{ stage: security },
		],
		[LoginStatus.authenticationFailed, /"KRB5"/, { ...FIRST, AuthMethod: "KRB5" }, { stage: security }],
	];
	for (const [status, why, text, options] of rows) {
		const login = new LoginUnderTest();
		const response = login.say({ ...FULL, ...options }, text);
		t.equal(statusOf(response), status, String(why));
		t.match(login.end, { kind: "refused", status, why });
	}
	t.match(
		new LoginUnderTest().finish(FULL, {
			InitiatorName: InitiatorName!.toUpperCase().replace("IQN", "iqn"),
			TargetName: TargetName!.replace("web", "WEB"),
		}).end.identity.initiatorName,
		INITIATOR,
		"names differ in nothing when they differ in the size of letters",
	);
	t.end();
});

t.test("who may not have a target", (t) => {
	const login = new LoginUnderTest(targetOf(TARGET, null, false));
	t.equal(statusOf(login.say(FULL, FIRST)), LoginStatus.forbidden);
	const why = "it is not among those who may have that target";
	t.match(login.end, { initiatorName: INITIATOR, targetName: TARGET, why });
	t.end();
});

t.test("a request that is not of this login", (t) => {
	const rows: [why: RegExp, options: object, text?: Record<string, string>][] = [
		[/another login/, { isid: "00023d000002" }],
		[/another login/, { cid: 1 }],
		[/another login/, { itt: 2 }],
		[/another login/, { tsih: 1 }],
		[/another stage/, { stage: security, next: operational }],
		[/twice of HeaderDigest/, {}, { HeaderDigest: "None" }],
		[/twice of TargetName/, {}, { TargetName: `${TARGET}2` }],
		[/twice of InitiatorName/, {}, { InitiatorName: `${INITIATOR}2` }],
	];
	for (const [why, options, text] of rows) {
		const login = new LoginUnderTest();
		login.say({ stage: operational }, { ...FIRST, HeaderDigest: "None" });
		t.equal(statusOf(login.say({ ...FULL, ...options }, text)), LoginStatus.initiatorError);
		t.match(login.end, { why });
	}
	const late = new LoginUnderTest();
	late.say({ stage: operational }, { InitiatorName: INITIATOR, TargetName: TARGET });
	late.say(FULL, { SessionType: "Discovery" });
	t.match(late.end, { why: /too late of SessionType/ });
	const again = new LoginUnderTest();
	again.say({ stage: operational }, FIRST);
	t.equal(again.finish(FULL, FIRST).end.kind, "agreed", "it may say the same once more, of who it is");
	const other = new LoginUnderTest();
	other.say({ stage: operational }, FIRST);
	const [answer] = other.bytes(bytesOf(pdu(Opcode.command, Flag.final)));
	t.equal(statusOf(answer!), LoginStatus.invalidDuringLogin);
	const never = new LoginUnderTest();
	t.same(
		never.bytes(bytesOf(pdu(Opcode.nopOut, Flag.final))),
		[],
		"who does not begin with a login is not answered",
	);
	t.match(never.end, { kind: "refused", status: LoginStatus.invalidDuringLogin });
	t.end();
});

t.test("a connection in place of one that there was", (t) => {
	const agreed = { ...defaultParameters(), initialR2T: false, maxBurstLength: 65_536, headerDigest: true };
	const asked: object[] = [];
	const session = (identity: object) => {
		asked.push(identity);
		return agreed;
	};
	const { response, end } = new LoginUnderTest(targetOf(), { session }).finish(
		{ ...FULL, tsih: SESSION, cid: 5 },
		{ ...FIRST, InitialR2T: "Yes", DataDigest: "CRC32C" },
	);
	t.same(asked, [{ initiatorName: INITIATOR, isid: ISID, tsih: SESSION, cid: 5 }]);
	t.match(pairsOf(response.data), { InitialR2T: "Reject", DataDigest: "CRC32C" });
	t.match(end.parameters, {
		initialR2T: false,
		maxBurstLength: 65_536,
		headerDigest: false,
		dataDigest: true,
	});
	t.end();
});
