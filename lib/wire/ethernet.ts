/**
 * The Ethernet II header (IEEE 802.3 clause 3): destination, source and type, 14 bytes, and the sizes around it.
 * Read by links, the AoE target and our initiator; hands on nothing.
 *
 *    0       6      12     14
 *    +-------+-------+------+---------
 *    |  dst  |  src  | type | payload
 *    +-------+-------+------+---------
 */

import { Field16, FieldMac } from "./fields.js";

export const ethDestination = new FieldMac(0);
export const ethSource = new FieldMac(6);
export const ethType = new Field16(12);

/** Bytes of the Ethernet header, which an interface's MTU does not count. */
export const ETH_HEADER_BYTES = 14;
/** Shortest frame on the wire, without the frame check sequence. Shorter ones are padded with zeros. */
export const ETH_MIN_FRAME_BYTES = 60;
/** EtherType of ATA over Ethernet. */
export const ETHERTYPE_AOE = 0x88a2;
/** The broadcast address, ff:ff:ff:ff:ff:ff. */
export const MAC_BROADCAST = 0xffffffffffff;
export const MAC_BROADCAST_BYTES: Uint8Array = new Uint8Array(6).fill(0xff);
