/**
 * What has to be ended, in the reverse order of its beginning, whatever else fails.
 */

export interface Ends {
  add(end: () => Promise<void> | void): void;
  /** Each one once, also when this is called again. Rejects, when all have been tried, with what failed first. */
  run(): Promise<void>;
}

export function makeEnds(): Ends {
  const ends: (() => Promise<void> | void)[] = [];
  return {
    add: (end) => void ends.push(end),
    async run() {
      const failures: unknown[] = [];
      for (let end = ends.pop(); end !== undefined; end = ends.pop()) {
        try {
          await end();
        } catch (error) {
          failures.push(error);
        }
      }
      if (failures.length > 0) throw failures[0];
    },
  };
}
