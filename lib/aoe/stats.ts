/**
 * Counters of the receive path. Every frame that a target does not carry out is counted under the name of the reason,
 * so that an operator who wonders why an initiator gets no answer finds it in a number instead of a packet trace.
 * Counted by `lib/aoe/`; printed by `lib/daemon/`. (What happens on a disk is counted in `DiskStats`, what happens on
 * a link in `LinkStats`.)
 */

import { COUNT_START, countsOf } from "../counters.js";

/** Why a frame was dropped or answered with a protocol error, in words for the operator. */
export const REJECT_REASONS = {
	runt: "shorter than the AoE header",
	notAoe: "not of EtherType 0x88a2",
	ownSource: "sent by this process itself",
	groupSource: "from a group address, which can't be answered",
	response: "a response, not a request",
	wrongDestination: "for another MAC address",
	unknownAddress: "for a shelf and slot that are not served here",
	silent:
		"for a shelf and slot that another host may serve, and we for now do not, or whose disk was closed meanwhile",
	masked: "from a source that the MAC mask shuts out",
	version: "of an AoE version other than 1",
	notForBroadcast: "a command that is not carried out when it is broadcast",
	unknownCommand: "an AoE command that is not known",
	shortSection: "shorter than the arguments of its command",
	oversize: "longer than the frames of this link",
	badArgument: "with arguments that can't be",
	reserved: "from a source that is not among the holders of the reservation",
	configSet: "a config string while another one is set",
	configTest: "a test that the config string does not pass",
	unkept: "that sets what could not be kept with the disk, and was not answered",
	backlog: "for a blade whose unanswered requests have taken its share of the reply slots",
	limited: "for a blade with a limit, while others that wait for it have its share of the reply slots",
	noRoom: "while every reply slot was in use",
	discoveryBacklog: "a broadcast while too many others waited for their answers",
	stopping: "while the target was stopping",
} as const;

export type RejectReason = keyof typeof REJECT_REASONS;

/** What has happened on one target since it was made. */
export class TargetStats {
	/** ATA commands carried out, and queries and edits answered. */
	requests = COUNT_START;
	/** Replies handed to the link, those with the E flag included. */
	replies = COUNT_START;
	/** Replies with the E flag. */
	protocolErrors = COUNT_START;
	/** Config responses of other targets that were heard. */
	responsesHeard = COUNT_START;
	readonly rejected = countsOf(Object.keys(REJECT_REASONS) as RejectReason[]);

	/** The reasons that have occurred, with how often. */
	rejections(): [RejectReason, number][] {
		const all = Object.entries(this.rejected) as [RejectReason, number][];
		return all.filter(([, count]) => count > 0);
	}
}
