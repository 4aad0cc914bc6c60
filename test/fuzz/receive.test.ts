// Fuzzing the receive path, a few seconds of it, and proof that the rules it checks can be broken: targets that are sabotaged
// in one place each must be caught. `npm run fuzz` runs on for as long as one likes.
import t from "tap";
import { STALE } from "../support/recording-link.js";
import { type Defect, fuzz } from "./receive.js";
import { stamped } from "./stamps.js";

const RUNS = 100;
/** Scenarios within which every sabotage must have shown. */
const RUNS_TO_CATCH = 20_000;

t.test("no frame breaks a rule", async (t) => {
	for (const mtu of [1500, 9000]) {
		const { seed, runs, failure } = await fuzz(mtu, RUNS);
		t.comment(`FUZZ_SEED=${seed}: ${runs} scenarios at MTU ${mtu}`);
		t.equal(failure, undefined);
	}
});

/** Each does to a reply what a defect of the target could do. */
const defects: Record<string, { rule: RegExp } & Defect> = {
	"a stale byte in the padding": {
		rule: /padding is zero/,
		sabotage: ({ memory, offset }, headBytes, send) => {
			if (headBytes === 60) memory.bytes[offset + 59] = STALE;
			send(headBytes);
		},
	},
	"a reply with whatever the slot held behind it": {
		rule: /nothing but padding|padding is zero|sectors|another has sent/,
		sabotage: (_slot, headBytes, send) => send(headBytes === 60 ? 100 : headBytes),
	},
	"a tag with its last byte changed": {
		rule: /tag|once/,
		sabotage: ({ memory, offset }, headBytes, send) => {
			memory.bytes[offset + 23]! ^= 1;
			send(headBytes);
		},
	},
	"a reply in the name of another blade": {
		rule: /served|asked/,
		sabotage: ({ memory, offset }, headBytes, send) => {
			memory.bytes[offset + 18]! ^= 1;
			send(headBytes);
		},
	},
	"a data byte changed": {
		// What the drive says of itself (IDENTIFY) reaches as far as data does; no more does, of a command that succeeds.
		rule: /something else than was written|says what it must/,
		sabotage: ({ memory: { bytes }, offset }, headBytes, send) => {
			const isAta = bytes[offset + 19] === 0;
			const hasSucceeded = (bytes[offset + 27]! & 1) === 0;
			if (isAta && hasSucceeded && headBytes > 60) bytes[offset + 36 + 511]! ^= 1;
			send(headBytes);
		},
	},
	"a byte written behind the room": {
		rule: /outside a room/,
		sabotage: ({ memory, offset, capacityBytes }, headBytes, send) => {
			memory.bytes[offset + capacityBytes] = 0;
			send(headBytes);
		},
	},
	"a slot that is never sent": {
		rule: /slot comes back|everything ends|must be answered/,
		sabotage: () => {},
	},
	"another's data": {
		rule: /another has sent|padding is zero|must/,
		sabotage: ({ memory, offset }, headBytes, send) => {
			stamped(3, 1, 16).copy(memory.bytes, offset + 28);
			send(headBytes);
		},
	},
	"a mask that lets everyone in": {
		rule: /mask, reservation/,
		weaken: ({ access }) => {
			access.admits = () => true;
		},
	},
	"a mask that is lost": {
		rule: /mask, reservation|says what it must/,
		weaken: ({ access }) => {
			access.mask.add = () => access.mask;
		},
	},
	"a mask that lets in its first entry only": {
		rule: /must be answered/,
		weaken: ({ access }) => {
			access.admits = (mac) => [...access.mask][0] === mac;
		},
	},
	"a reservation that holds nobody up": {
		rule: /says what it must|ATA status/,
		weaken: ({ access }) => {
			access.mayUse = () => true;
		},
	},
	"a reservation that holds up its holder": {
		rule: /says what it must|ATA status/,
		weaken: ({ access }) => {
			access.mayUse = () => access.reserved.size === 0;
		},
	},
};

t.test("a target that breaks a rule is caught", async (t) => {
	for (const [what, { rule, ...defect }] of Object.entries(defects)) {
		const { failure } = await fuzz(1500, RUNS_TO_CATCH, defect);
		t.match(failure, rule, what);
	}
});
