const KiB = 1024

/** Bounds of containers, their images and networks, each with its reason: a part of `limits.ts`. */
export const containerLimits = {
  /** A call to a container engine: starting a container on a busy machine takes seconds. */
  daemonCallMs: 60_000,
  /** A container engine that is being restarted is waited for this long before a task cannot be started. */
  daemonAwayMs: 60_000,
  daemonRetryMs: 1000,
  /** Connections that the programs of one container have to the server at a time: clients keep a few open each. */
  relayConnections: 128,
  /** Opening the way of a container to the server takes milliseconds; it starts without one after this long. */
  relayOpenMs: 5000,
  /** Pause between two looks at all containers, in case a notification was lost. */
  containerSweepMs: 1000,
  /** A container whose command has ended is gone within milliseconds; it is asked for this often meanwhile. */
  containerEndMs: 5000,
  containerEndPollMs: 40,
  /** Pause between two lines about an image that is being pulled. */
  pullToldMs: 2000,
  /** A registry that sends nothing for this long has been lost. Unpacking a layer of gigabytes is silent as well. */
  pullStallMs: 300_000,
  /** A network that no container uses is kept for this long: the next task of its scope is often about to come. */
  networkIdleMs: 30_000,
  /** A build that says nothing for this long hangs; installing packages may be silent for a while. */
  buildSilentMs: 3_600_000,
  /** One line of a build that is told; a program may write without end. */
  buildLineBytes: 8 * KiB,
  /** Logins that were good for an image, and need not be proven again by asking the registry. */
  imageProofs: 1000,
  imageProofMs: 24 * 3_600_000,
  /** How old the time that an image was used last may be: noting every use would cost a write for each task. */
  imageUsedMs: 60_000,
  /** Pause between two looks at images: for those to be fetched ahead, and those that no rule keeps. */
  imagesMs: 300_000,
  /** An image that cannot be fetched ahead is tried again after this long, the pause doubling up to a day. */
  imageFetchRetryMs: 600_000,
}
