/**
 * Smooths the values of a line, from 0 (as they are) to just below 1: a moving mean with weights that fall off
 * exponentially, divided by the sum of the weights so far, so that it does not lean to 0 at the beginning. As TensorBoard
 * does it (`resmoothDataset` in tensorboard/components/vz_line_chart2/line-chart.ts); the correction is that of Adam
 * (Kingma and Ba 2015, section 3). Gaps stay gaps, and do not end the mean.
 */
export function smooth(values: readonly (number | null)[], weight: number): (number | null)[] {
  if (weight <= 0) return [...values]
  let mean = 0
  let ofOld = 1
  return values.map((value) => {
    if (value === null || !Number.isFinite(value)) return null
    mean = mean * weight + (1 - weight) * value
    ofOld *= weight
    return mean / (1 - ofOld)
  })
}
