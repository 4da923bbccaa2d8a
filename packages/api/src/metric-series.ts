/**
 * Every series that the platform measures by itself: `of` says of what. Server, CLI and documents read this table.
 * `gpu…` series have a label `gpu`, the index of the GPU. A series that a machine cannot measure is not there at all.
 */
export const metricSeries = {
  cpu: { unit: 'cores', of: ['task', 'machine'], about: 'Processor cores in use.' },
  cpuThrottled: {
    unit: 'percent',
    of: ['task'],
    about: 'How often it was held back because it wanted more processor than it was given.',
  },
  load: { unit: 'count', of: ['machine'], about: 'Threads that run or wait to, mean of the last minute.' },
  memory: { unit: 'bytes', of: ['task', 'machine'], about: 'Memory in use, without what the system could take back.' },
  memoryPeak: { unit: 'bytes', of: ['task'], about: 'The most memory that was in use so far, file cache included.' },
  disk: { unit: 'bytes', of: ['machine'], about: 'Space in use on the disk that holds the data of the server.' },
  diskRead: { unit: 'bytes/s', of: ['task'], about: 'Read from disks.' },
  diskWrite: { unit: 'bytes/s', of: ['task'], about: 'Written to disks.' },
  networkIn: { unit: 'bytes/s', of: ['task'], about: 'Received, where the task has a network of its own.' },
  networkOut: { unit: 'bytes/s', of: ['task'], about: 'Sent, where the task has a network of its own.' },
  processes: { unit: 'count', of: ['task'], about: 'Processes; threads too where control groups count them.' },
  gpuUtilization: { unit: 'percent', of: ['task', 'machine'], about: 'Share of the time in which the GPU was busy.' },
  gpuMemoryUtilization: {
    unit: 'percent',
    of: ['task', 'machine'],
    about: 'Share of the time in which the memory of the GPU was read or written.',
  },
  gpuMemoryUsed: { unit: 'bytes', of: ['task', 'machine'], about: 'Memory of the GPU in use.' },
  gpuMemoryTotal: { unit: 'bytes', of: ['task', 'machine'], about: 'Memory of the GPU.' },
  gpuPower: { unit: 'watts', of: ['task', 'machine'], about: 'Power that the GPU draws.' },
  gpuTemperature: { unit: 'celsius', of: ['task', 'machine'], about: 'Temperature of the GPU.' },
} as const satisfies Record<string, { unit: string; of: readonly ('task' | 'machine')[]; about: string }>

export type MetricName = keyof typeof metricSeries
export type MetricUnit = (typeof metricSeries)[MetricName]['unit']
