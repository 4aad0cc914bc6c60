// Logins as initiators that people have form them, stage by stage, and all that is answered. Written by hand from what is known of each, not captured.

import t from "tap";
import { BURST_BYTES_MAX, FIRST_BURST_BYTES_MAX } from "../../lib/iscsi/parameters.js";
import { Stage } from "../../lib/iscsi/pdu.js";
import { type Pairs, pairsOf } from "../support/iscsi/pdus.js";
import { LoginUnderTest, TARGET } from "./login-under-test.js";

const { security, operational, full } = Stage;

interface Step {
	readonly stage: typeof security | typeof operational;
	/** Left out: it has more to say in this one. */
	readonly next?: Stage;
	readonly says: Pairs;
	readonly hears: Pairs;
}

interface Known {
	readonly name: string;
	readonly steps: readonly Step[];
	readonly agreed: object;
}

const OURS = { MaxRecvDataSegmentLength: "131072" };
const FIRST_ANSWER = { TargetPortalGroupTag: "1", TargetAlias: "the web's" };
const ORDER = { DataPDUInOrder: "Yes", DataSequenceInOrder: "Yes" };

const KNOWN: readonly Known[] = [
	{
		name: "Windows",
		steps: [
			{
				stage: security,
				next: operational,
				says: {
					InitiatorName: "iqn.1991-05.com.microsoft:host.example.org",
					SessionType: "Normal",
					TargetName: TARGET,
					AuthMethod: "None",
				},
				hears: { ...FIRST_ANSWER, AuthMethod: "None" },
			},
			{
				stage: operational,
				next: full,
				says: {
					HeaderDigest: "None,CRC32C",
					DataDigest: "None,CRC32C",
					ErrorRecoveryLevel: "2",
					InitialR2T: "No",
					ImmediateData: "Yes",
					MaxRecvDataSegmentLength: "65536",
					MaxBurstLength: "262144",
					FirstBurstLength: "65536",
					MaxConnections: "1",
					MaxOutstandingR2T: "16",
					DefaultTime2Wait: "0",
					DefaultTime2Retain: "60",
					...ORDER,
				},
				hears: {
					HeaderDigest: "None",
					DataDigest: "None",
					ErrorRecoveryLevel: "0",
					InitialR2T: "No",
					ImmediateData: "Yes",
					MaxBurstLength: "262144",
					FirstBurstLength: "65536",
					MaxConnections: "1",
					MaxOutstandingR2T: "16",
					DefaultTime2Wait: "0",
					DefaultTime2Retain: "0",
					...ORDER,
					...OURS,
				},
			},
		],
		agreed: { initialR2T: false, immediateData: true, maxRecvDataSegmentLength: 65_536, dataDigest: false },
	},
	{
		name: "Linux (open-iscsi)",
		steps: [
			{
				stage: security,
				next: operational,
				says: {
					InitiatorName: "iqn.1993-08.org.debian:01:abc",
					InitiatorAlias: "host",
					TargetName: TARGET,
					SessionType: "Normal",
					AuthMethod: "None",
				},
				hears: { ...FIRST_ANSWER, AuthMethod: "None" },
			},
			{
				stage: operational,
				next: full,
				says: {
					HeaderDigest: "None",
					DataDigest: "None",
					DefaultTime2Wait: "2",
					DefaultTime2Retain: "0",
					IFMarker: "No",
					OFMarker: "No",
					ErrorRecoveryLevel: "0",
					InitialR2T: "No",
					ImmediateData: "Yes",
					MaxBurstLength: "16776192",
					FirstBurstLength: "262144",
					MaxOutstandingR2T: "1",
					MaxConnections: "1",
					MaxRecvDataSegmentLength: "262144",
					...ORDER,
				},
				hears: {
					HeaderDigest: "None",
					DataDigest: "None",
					DefaultTime2Wait: "2",
					DefaultTime2Retain: "0",
					IFMarker: "No",
					OFMarker: "No",
					ErrorRecoveryLevel: "0",
					InitialR2T: "No",
					ImmediateData: "Yes",
					MaxBurstLength: String(BURST_BYTES_MAX),
					FirstBurstLength: String(FIRST_BURST_BYTES_MAX),
					MaxOutstandingR2T: "1",
					MaxConnections: "1",
					...ORDER,
					...OURS,
				},
			},
		],
		agreed: { initialR2T: false, maxBurstLength: BURST_BYTES_MAX, firstBurstLength: FIRST_BURST_BYTES_MAX },
	},
	{
		name: "ESXi, with a secret that nobody asks for",
		steps: [
			{
				stage: security,
				next: operational,
				says: {
					InitiatorName: "iqn.1998-01.com.vmware:esx-5f3a",
					InitiatorAlias: "esx",
					TargetName: TARGET,
					SessionType: "Normal",
					AuthMethod: "CHAP,None",
				},
				hears: { ...FIRST_ANSWER, AuthMethod: "None" },
			},
			{
				stage: operational,
				next: full,
				says: {
					HeaderDigest: "None,CRC32C",
					DataDigest: "None,CRC32C",
					InitialR2T: "Yes",
					FirstBurstLength: "262144",
				},
				hears: {
					HeaderDigest: "None",
					DataDigest: "None",
					InitialR2T: "Yes",
					FirstBurstLength: String(FIRST_BURST_BYTES_MAX),
					...OURS,
				},
			},
		],
		agreed: { initialR2T: true },
	},
	{
		name: "iPXE",
		steps: [
			{
				stage: security,
				next: operational,
				says: {
					InitiatorName: "iqn.2010-04.org.ipxe:host",
					TargetName: TARGET,
					SessionType: "Normal",
					AuthMethod: "None",
				},
				hears: { ...FIRST_ANSWER, AuthMethod: "None" },
			},
			{
				stage: operational,
				next: full,
				says: {
					HeaderDigest: "None",
					DataDigest: "None",
					MaxConnections: "1",
					InitialR2T: "Yes",
					ImmediateData: "No",
					MaxRecvDataSegmentLength: "8192",
					MaxBurstLength: "262144",
					DefaultTime2Wait: "0",
					DefaultTime2Retain: "0",
					MaxOutstandingR2T: "1",
					...ORDER,
					ErrorRecoveryLevel: "0",
				},
				hears: {
					HeaderDigest: "None",
					DataDigest: "None",
					MaxConnections: "1",
					InitialR2T: "Yes",
					ImmediateData: "No",
					MaxBurstLength: "262144",
					DefaultTime2Wait: "0",
					DefaultTime2Retain: "0",
					MaxOutstandingR2T: "1",
					...ORDER,
					ErrorRecoveryLevel: "0",
					...OURS,
				},
			},
		],
		agreed: { initialR2T: true, immediateData: false, maxRecvDataSegmentLength: 8192 },
	},
];

for (const { name, steps, agreed } of KNOWN)
	t.test(name, (t) => {
		const login = new LoginUnderTest();
		for (const [i, { says, hears, ...stages }] of steps.entries()) {
			const isLast = i === steps.length - 1;
			const response = isLast ? login.finish(stages, says).response : login.say(stages, says);
			t.same(pairsOf(response.data), hears, `answer ${i + 1}`);
		}
		if (login.end?.kind !== "agreed") throw new Error("nothing was agreed on");
		t.match(login.end.parameters, agreed);
		t.end();
	});
