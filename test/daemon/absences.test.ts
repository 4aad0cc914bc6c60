// What clients are told of disks that are not served: the reason that is known, also while it is tried again, and for how long.

import t from "tap";
import { Absences } from "../../lib/daemon/absences.js";
import type { ExportSpec } from "../../lib/spec/spec.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";

const TARGET = "iqn.2026-11.org.example:shop";
const NBD = { protocol: "nbd", name: "web nbd", disk: "web", exportName: "web", description: "" } as const;
const ISCSI = { protocol: "iscsi", name: "web iscsi", disk: "web", target: TARGET, lun: 0 } as const;
const EXPORTS: readonly ExportSpec[] = [NBD, { ...ISCSI, removable: false }];
const OPENING = "its disk is being opened";
/** At a start it is not said of any target that there is none. */
const BEGINNING_MS = 30_000;
const AGAIN_MS = 60_000;

function under() {
	const clock = new VirtualClock();
	const absences = new Absences(clock);
	clock.pass(BEGINNING_MS);
	const peer = "192.0.2.7:4711";
	/** By both protocols. */
	const told = () => [
		absences.nbd.find("web", { peer, identity: null } as never)?.why,
		absences.iscsi.find(TARGET, { peer, name: "iqn.2026-11.org.example:host" }),
	];
	return { clock, absences, told };
}

t.test("the reason stays while it is tried again", (t) => {
	const { absences, told } = under();
	absences.expect("web", EXPORTS);
	t.same(told(), [OPENING, OPENING]);
	absences.tell("web", EXPORTS, "host1 has its pool");
	absences.expect("web", EXPORTS);
	t.same(told(), ["host1 has its pool", "host1 has its pool"]);
	absences.forget("web");
	t.same(told(), [undefined, undefined]);
	absences.expect("web", EXPORTS);
	t.same(told(), [OPENING, OPENING], "and is forgotten with it");
	t.end();
});

t.test("what is taken away to come again is expected for a while", (t) => {
	const { clock, absences, told } = under();
	absences.expectAgain("web", EXPORTS);
	clock.pass(AGAIN_MS - 1);
	t.same(told(), [OPENING, OPENING]);
	t.equal(absences.iscsi.has(TARGET, 0), true);
	clock.pass(1);
	t.same(told(), [undefined, undefined]);
	t.equal(absences.iscsi.has(TARGET, 0), false);
	absences.expectAgain("web", EXPORTS);
	absences.tell("web", EXPORTS, "its file is gone");
	clock.pass(2 * AGAIN_MS);
	t.same(told(), ["its file is gone", "its file is gone"], "unless more is known by then");
	t.end();
});
