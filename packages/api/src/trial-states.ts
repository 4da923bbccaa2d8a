/** The states of a trial of a sweep. */
export const trialStates = {
  running: { ended: false, label: 'Running', about: 'Asked for, and its values are not known yet.' },
  complete: { ended: true, label: 'Complete', about: 'It logged every objective.' },
  stopped: {
    ended: true,
    label: 'Stopped',
    about: 'Ended early by the rule of the sweep; its last value stands for it.',
  },
  failed: { ended: true, label: 'Failed', about: 'It has no values; the reason says why.' },
} as const

export type TrialState = keyof typeof trialStates
