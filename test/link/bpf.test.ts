// The assembler of classic BPF: what it makes, how its programs run, and what it refuses to make.
import t from "tap";
import { BpfProgram } from "../../lib/link/bpf.js";
import { runBpf } from "../support/bpf-machine.js";

const META = { packetType: 0, vlanTagged: false };

t.test("instructions as tcpdump -d would have them", async (t) => {
	const program = new BpfProgram()
		.loadHalf(12)
		.ifEqual(0x88a2, { no: "drop" })
		.loadByte(14)
		.ifSet(8, { yes: "drop" })
		.loadWord(20)
		.ifEqual(0xdeadbeef, { yes: "keep", no: "drop" })
		.label("keep")
		.return(65535)
		.label("drop")
		.return(0)
		.assemble();
	t.same(program, [
		{ code: 0x28, jt: 0, jf: 0, k: 12 },
		{ code: 0x15, jt: 0, jf: 5, k: 0x88a2 },
		{ code: 0x30, jt: 0, jf: 0, k: 14 },
		{ code: 0x45, jt: 3, jf: 0, k: 8 },
		{ code: 0x20, jt: 0, jf: 0, k: 20 },
		{ code: 0x15, jt: 0, jf: 1, k: 0xdeadbeef },
		{ code: 0x06, jt: 0, jf: 0, k: 65535 },
		{ code: 0x06, jt: 0, jf: 0, k: 0 },
	]);
	const frame = Buffer.alloc(24);
	frame.writeUInt16BE(0x88a2, 12);
	frame.writeUInt32BE(0xdeadbeef, 20);
	t.equal(runBpf(program, frame, META), 65535);
	t.equal(runBpf(program, frame.subarray(0, 23), META), 0, "a load beyond the end drops");
	frame[14] = 8;
	t.equal(runBpf(program, frame, META), 0);
});

t.test("what can't be assembled", async (t) => {
	t.throws(() => new BpfProgram().ifEqual(1, { yes: "nowhere" }).return(0).assemble(), /nowhere/);
	t.throws(() => new BpfProgram().ifEqual(1, { yes: "end" }).return(0).label("end").assemble(), /nowhere/);
	t.throws(
		() => new BpfProgram().label("back").loadByte(0).ifEqual(1, { yes: "back" }).assemble(),
		/out of reach/,
	);
	t.throws(() => new BpfProgram().label("twice").loadByte(0).label("twice"), /twice/);
	const far = new BpfProgram().ifEqual(1, { yes: "far" });
	for (let i = 0; i < 256; i++) far.loadByte(0);
	t.throws(() => far.label("far").return(0).assemble(), /out of reach/);
});
