// Reservations as they are kept: there and back again, and what somebody else may have put there in their place.

import t from "tap";
import { isKeptUnit, type KeptUnit, keptOf, persistentOf } from "../../lib/scsi/kept.js";
import { nexusKey } from "../../lib/scsi/nexus.js";
import { NOTHING_RESERVED, type Persistent, REGISTRATIONS_MAX } from "../../lib/scsi/persistent.js";
import { Asc } from "../../lib/scsi/protocol.js";
import { lengthBefore, out, three } from "./reserving.js";

const INITIATORS = ["iqn.1993-08.org.debian:01:a,i,0x1", "iqn.1993-08.org.debian:01:b,i,0x2"];
const TARGET = "iqn.2026-11.org.example:web,t,0x0001";

function state(holder: number | null, type: 1 | 8 | null): Persistent {
	const all = INITIATORS.map((initiatorPort, index) => {
		const nexus = nexusKey(initiatorPort, TARGET);
		return { nexus, initiatorPort, relativePort: 1, key: 0xfedc_ba98_7654_3210n + BigInt(index) };
	});
	const reservation = type === null ? null : { type, holder: holder === null ? "" : all[holder]!.nexus };
	return {
		generation: 0,
		registrations: new Map(all.map((each) => [each.nexus, each])),
		reservation,
		isKept: true,
	};
}

t.test("there and back", (t) => {
	for (const each of [state(null, null), state(1, 1), state(null, 8)]) {
		const kept = JSON.parse(JSON.stringify(keptOf(each))) as KeptUnit;
		t.equal(isKeptUnit(kept), true);
		t.same(persistentOf(kept), each);
	}
	t.same(persistentOf(keptOf({ ...state(1, 1), isKept: false })), NOTHING_RESERVED, "it is not to last");
	t.end();
});

t.test("what makes no sense is not taken", (t) => {
	const kept = keptOf(state(1, 1));
	const [first] = kept.registrations;
	const wrong: unknown[] = [
		null,
		{},
		{ ...kept, registrations: null },
		{ ...kept, type: 9 },
		{ ...kept, holder: -1 },
		{ ...kept, sanitizing: true },
		{ ...kept, sanitizing: {} },
		{ ...kept, holder: REGISTRATIONS_MAX },
		{ ...kept, registrations: [{ ...first, key: "11" }] },
		{ ...kept, registrations: [{ ...first, key: "fedcba987654321G" }] },
		{ ...kept, registrations: [{ ...first, initiator: "x".repeat(300) }] },
		{ ...kept, registrations: new Array(REGISTRATIONS_MAX + 1).fill(first) },
	];
	for (const each of wrong) t.equal(isKeptUnit(each), false, JSON.stringify(each)?.slice(0, 80));
	t.equal(persistentOf({ ...kept, holder: 7 }).reservation, null, "nobody who is there holds it");
	t.equal(persistentOf({ ...kept, type: 2 }).reservation, null);
	t.end();
});

t.test("more than there is room for is refused", async (t) => {
	const { under, a } = three();
	under.unit.reservations.keep = async () => true;
	const ids = Array.from({ length: 100 }, (_, index) => {
		const bytes = Buffer.alloc(4 + 240);
		bytes.set([0x45, 0, 0, 240]);
		bytes.write(`iqn.2026-11.org.example:${`${index}`.padStart(190, "n")},i,0x1`, 4);
		return bytes;
	});
	const register = (count: number, flags: number) =>
		out(a, 0, { actionKey: 1, flags, rest: lengthBefore(ids.slice(0, count)) });
	t.match((await register(100, 9)).sense, { asc: Asc.insufficientRegistration });
	t.equal((await register(50, 9)).status, 0);
	t.equal(under.unit.reservations.persistent.registrations.size, 51);
});
