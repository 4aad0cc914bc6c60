/**
 * Images that are not understood: taken for raw disks they would become volumes full of what no guest can read. Told by how they begin. Used by
 * `image.ts`, where nobody has said which format a file has.
 */

import { OperatorError } from "../errors.js";
import { quote } from "../text.js";
import type { ImageFile } from "./file.js";

interface Foreign {
	readonly called: string;
	readonly offsetBytes: number;
	/** In hexadecimal digits. */
	readonly begins: string;
}

function text(called: string, begins: string): Foreign {
	return { called, offsetBytes: 0, begins: Buffer.from(begins).toString("hex") };
}

const FOREIGN: readonly Foreign[] = [
	text("a VMDK image", "KDMV"),
	text("a VMDK image", "COWD"),
	text("a VMDK image", "# Disk DescriptorFile"),
	text("a VHDX image", "vhdxfile"),
	text("a VHD image", "conectix"),
	text("a QED image", "QED\0"),
	text("a Parallels image", "WithoutFreeSpace"),
	text("a Parallels image", "WithouFreSpacExt"),
	{ called: "a VDI image", offsetBytes: 64, begins: "7f10dabe" },
	{ called: "a file packed by gzip", offsetBytes: 0, begins: "1f8b08" },
	{ called: "a file packed by xz", offsetBytes: 0, begins: "fd377a585a00" },
	{ called: "a file packed by zstd", offsetBytes: 0, begins: "28b52ffd" },
	text("a file packed by bzip2", "BZh"),
];

const LOOKED_AT_BYTES = 68;

/** Throws an OperatorError if the file begins as one of them. */
export async function refuseForeign(file: ImageFile): Promise<void> {
	const first = Buffer.alloc(Math.min(LOOKED_AT_BYTES, file.sizeBytes));
	await file.read(0, first);
	const hex = first.toString("hex");
	const found = FOREIGN.find(({ offsetBytes, begins }) => hex.startsWith(begins, 2 * offsetBytes));
	if (found === undefined) return;
	throw new OperatorError(
		`${quote(file.path)}: begins as ${found.called}, and raw and qcow2 are what is understood; if it is a raw disk all the same, say --format=raw`,
	);
}
