/**
 * What is on a block device, by what its beginning says: so that nobody makes a pool of a disk that he will miss. Asked by
 * `device-folder.ts`.
 */

/** So much of the beginning is looked at. */
export const SIGNED_BYTES = 72 * 1024;

/** A text, or bytes in hexadecimal behind `0x`, at a byte; in the order in which they are looked for: a partition table may have any of the others behind it. */
const SIGNATURES: readonly (readonly [what: string, at: number, text: string])[] = [
	["an ext2, ext3 or ext4 file system", 1080, "0x53ef"],
	["an XFS file system", 0, "XFSB"],
	["a btrfs file system", 65600, "_BHRfS_M"],
	["an F2FS file system", 1024, "0x1020f5f2"],
	["an NTFS file system", 3, "NTFS    "],
	["an exFAT file system", 3, "EXFAT   "],
	["a FAT file system", 54, "FAT1"],
	["a FAT file system", 82, "FAT32"],
	["a SquashFS file system", 0, "hsqs"],
	["an ISO 9660 file system", 32769, "CD001"],
	["a LUKS volume", 0, "LUKS"],
	["a physical volume of LVM", 512, "LABELONE"],
	["a physical volume of LVM", 0, "LABELONE"],
	["a member of a RAID", 4096, "0xfc4e2ba9"],
	["a member of a RAID", 0, "0xfc4e2ba9"],
	["a cache of bcache", 4120, "0xc68573f64e1a45ca8265f57f48ba6d81"],
	["swap space", 4086, "SWAPSPACE2"],
	["swap space", 4086, "SWAP-SPACE"],
	["a GUID partition table", 512, "EFI PART"],
	["a GUID partition table", 4096, "EFI PART"],
	["a partition table", 510, "0x55aa"],
	["an image in qcow2", 0, "0x514649fb"],
];

/** Undefined if nothing of it is known: it may still be in use by something that says nothing at its beginning. */
export function signatureIn(bytes: Uint8Array): string | undefined {
	const found = SIGNATURES.find(([, at, text]) => {
		const wanted = text.startsWith("0x") ? Buffer.from(text.slice(2), "hex") : Buffer.from(text, "latin1");
		return wanted.equals(bytes.subarray(at, at + wanted.length));
	});
	return found?.[0];
}
