/** Texts in INQUIRY data, and in pages that belong to it. */

/** Who makes it (SPC-4, 6.6.2: T10 vendor identification). */
export const VENDOR = "vblade";

/** Left-aligned, filled with spaces; what is not printable ASCII becomes a question mark (SPC-4, 4.3.1). */
export function putText(bytes: Buffer, at: number, length: number, text: string): void {
	const printable = text.replace(/[^\x20-\x7e]/g, "?").slice(0, length);
	bytes.write(printable.padEnd(length), at, length, "latin1");
}
