/**
 * Matrices that the long run goes through whole (MATRIX=all), and `make test` only in part: other cases each time, so that
 * all have their turn. The names of tests tell which.
 */

/** `few` of the cases at random, in their order; all of them in the long run. */
export function cases<T>(all: readonly T[], few: number): readonly T[] {
  if (process.env['MATRIX'] === 'all') return all;
  const drawn = all
    .map((_, index) => ({ index, lot: Math.random() }))
    .toSorted((a, b) => a.lot - b.lot)
    .slice(0, few);
  const chosen = new Set(drawn.map(({ index }) => index));
  return all.filter((_, index) => chosen.has(index));
}
