// A unit that two hosts serve: which of them reaches it better, and what initiators are told when that changes.

import t from "tap";
import { hostNumber, portName } from "../../lib/scsi/port-group.js";
import { Asc } from "../../lib/scsi/protocol.js";
import { attentions, groups, HERE, stage, THERE } from "./two-hosts-stage.js";

t.test("ports of both hosts are told by number and name, as the groups have them", async (t) => {
	const { device, one } = stage();
	device.partner = { name: "beta", hasIt: false };
	await attentions(one);
	const { data } = await one.run("12 01 88 0400 00", { dataInBytes: 1024 });
	const ports: [number, string][] = [];
	for (let at = 4; at < data.length; at += 12 + data.readUInt16BE(at + 10))
		ports.push([
			data.readUInt16BE(at + 2),
			data.toString("utf8", at + 16, at + 16 + data[at + 15]!).replace(/\0+$/, ""),
		]);
	const name = (port: number) => portName("iqn.2026-11.org.example:test", port);
	t.same(ports, [
		[HERE, name(HERE)],
		[THERE, name(THERE)],
	]);
	t.same(
		ports.map(([port]) => port),
		(await groups(one)).map(([, , port]) => port),
	);
});

t.test("hosts have numbers of their own, none of which is that of other targets", async (t) => {
	t.not(HERE, THERE);
	const numbers = Array.from({ length: 1000 }, (_, index) => hostNumber(`host${index}`));
	t.ok(numbers.every((number) => number >= 2 && number <= 0xffff));
	t.ok(new Set(numbers).size > 980);
});

t.test("the groups of both hosts, as they are now and as the pool moves; all are told", async (t) => {
	const { device, one, two, moved } = stage();
	t.same(await groups(one), [[HERE, 0, HERE]], "the other one is not known yet");
	const { data } = await one.run("120183010000", { dataInBytes: 256 });
	t.ok(data.includes(Buffer.from([0x51, 0x95, 0, 4, 0, 0, HERE >> 8, HERE & 0xff])), "its group");
	t.ok(data.includes(Buffer.from([0x51, 0x94, 0, 4, 0, 0, 0, 1])), "the port that this one came by before");
	device.leave();
	moved();
	t.same(await attentions(one), [Asc.alua]);
	t.same(await groups(one), [
		[HERE, 1, HERE],
		[THERE, 0, THERE],
	]);
	device.come("{}");
	moved();
	t.same(await attentions(one), [Asc.inquiryChanged, Asc.alua], "writes can be atomic here");
	t.same(await groups(one), [
		[HERE, 0, HERE],
		[THERE, 1, THERE],
	]);
	device.leave();
	moved();
	moved();
	t.same(await attentions(one), [Asc.inquiryChanged, Asc.alua]);
	t.same(await attentions(two), [Asc.alua, Asc.inquiryChanged]);
});
