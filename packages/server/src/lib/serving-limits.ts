const KiB = 1024
const MiB = 1024 * KiB

/** The bounds of what tasks serve, and of what stands in front of that: a part of `limits.ts`. */
export const servingLimits = {
  /** A ticket for one sign-in at what a task serves is used at once; whoever makes more loses the oldest. */
  proxyTicketMs: 60_000,
  proxyTickets: 10_000,
  /** How long a request waits for a task that has begun but does not listen yet, and how often it tries. */
  proxyWaitMs: 10_000,
  proxyRetryMs: 150,
  /** How long it is taken for known where a task listens: asking a container engine takes milliseconds. */
  proxyAddressMs: 5_000,
  proxyAddresses: 10_000,
  /** Connections to one port of a task at a time, of which so many are kept for the next request; and sockets. */
  proxyConnections: 256,
  proxySpareConnections: 16,
  proxySockets: 500,
  /** A connection on which nothing moves, in either direction: a large model may compute for minutes. */
  proxyIdleMs: 15 * 60_000,
  /** A task that has not agreed to a socket by then will not. */
  proxyUpgradeMs: 60_000,
  /** Silent sockets are probed this often by the kernel: routers forget those that are silent for longer. */
  proxyKeepAliveMs: 30_000,
  /** How often it is asked whether whoever opened a socket still may. */
  proxyCheckMs: 30_000,
  /** Headers of one answer of a task; some set many cookies. */
  proxyHeaderBytes: 64 * KiB,
  /** Ports of instances that share the network of the machine: above those that the kernel gives out by itself. */
  instanceFirstPort: 61_000,
  instancePorts: 4500,
  /** Ports that are tried, by chance, until one is free. */
  instancePortTries: 100,
  /** Instances of one deployment that have ended and whose logs are kept. */
  endedInstances: 20,
  /** What was found out of a key is good for a moment, so that a busy one costs no query for each request. */
  gatewayKeyMs: 1000,
  gatewayKeys: 10_000,
  /** Connections to one target. A spare one is closed before any usual server does (gunicorn: 2 s) unless it says when. */
  gatewayConnections: 512,
  gatewaySpareMs: 1500,
  gatewaySpareMostMs: 600_000,
  /** Answers to plain requests that are overdue are looked for this often. */
  gatewayTimeoutLookMs: 100,
  /** A target is on this machine or next to it. */
  gatewayConnectMs: 5000,
  /** One that refused a connection is not asked for so long, if there is another. */
  gatewaySuspectMs: 1000,
  /** Targets that one request is sent to, one after the other. */
  gatewayTries: 4,
  /** A body up to here is read whole, so that it can be sent again. */
  gatewayWholeBytes: 256 * KiB,
  /** The first bytes of an answer are joined to its head up to here: copying more costs as much as a second write. */
  gatewayFirstBytes: 16 * KiB,
  /** The access log is written so often, and holds so much until then: a second of the busiest gateway. */
  accessLogMs: 250,
  accessLogBytes: 16 * MiB,
  /** Copies under way at a shadow. */
  gatewayShadows: 100,
  /** How often a gateway of its own tells the server how it does, beside what cannot wait. */
  gatewayReportMs: 500,
  /** How often the server looks whether gateways that it has lost are still there. */
  gatewayLookMs: 1000,
  /** Pause before a gateway looks for a server that is away; the server takes seconds to start. */
  gatewayRetryMs: 200,
  /** The server is asked so often at most to wake what requests wait for. */
  gatewayWaitMs: 200,
  /** The server answers who a key speaks for within this time, or counts as away. */
  gatewayAskMs: 5000,
  /** While the server is away, a key that was good is good for so long: long enough to mend the server. */
  gatewayAwayMs: 12 * 3600_000,
  /** Requests under way at a gateway that is to end have this long. */
  gatewayEndMs: 30_000,
  /** What is shown of an answer to a request that was sent from a form. */
  gatewayShownBytes: 1 * MiB,
  /** A request that was given to an instance in the moment in which it was told to go is under way by then. */
  drainSettleMs: 50,
  /** How many instances there are to be is decided by what was measured in this time: one tick wavers. */
  scaleWindowMs: 10_000,
  /** Pause between two checks of an instance that is not ready yet: an update is over sooner. */
  probeStartMs: 250,
} as const
