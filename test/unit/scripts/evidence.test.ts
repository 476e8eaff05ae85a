/** The sums of the long test runs, and the numbers of the mutation tests among them. */
import { describe, expect, it } from 'vitest';
import { evidenceTable, parseEvidence, sumEvidence, type Run } from '../../../scripts/lib/evidence.ts';
import { countMutants } from '../../../scripts/lib/mutation.ts';

const run = (changes: Partial<Run>): Run => ({
  id: 'kernel',
  commit: 'a1',
  kernel: '6.1',
  seed: 7,
  count: 10,
  failures: 0,
  seconds: 1.2,
  ...changes,
});

describe('a file of evidence', () => {
  it('has one run a line', () => {
    const runs = [run({}), run({ seed: null, kernel: null })];
    expect(parseEvidence('a.jsonl', runs.map((each) => `${JSON.stringify(each)}\n`).join(''))).toEqual(runs);
  });

  it.each(['{', '{"id":"kernel"}', JSON.stringify(run({ count: -1 }))])('is refused with its line: %s', (line) => {
    expect(() => parseEvidence('a.jsonl', `${JSON.stringify(run({}))}\n\n${line}\n`)).toThrow(
      'a.jsonl:3: this is no evidence',
    );
  });
});

describe('the sums', () => {
  it('are one for each id and kernel, kernels in the order of their versions', () => {
    const sums = sumEvidence([
      run({ id: 'unit', kernel: null }),
      run({ kernel: '6.12' }),
      run({ commit: 'b2', seed: 8, failures: 2, seconds: 0.1 }),
      run({}),
      run({ seed: null }),
    ]);
    expect(sums.map((sum) => [sum.id, sum.kernel])).toEqual([
      ['kernel', '6.1'],
      ['kernel', '6.12'],
      ['unit', null],
    ]);
    expect(sums[0]).toEqual({
      id: 'kernel',
      kernel: '6.1',
      runs: 3,
      commits: 2,
      seeds: 2,
      count: 30,
      failures: 2,
      seconds: 2.5,
    });
  });

  it('are nothing without runs', () => {
    expect(sumEvidence([])).toEqual([]);
  });

  it('stand in a table', () => {
    const table = evidenceTable(sumEvidence([run({}), run({ id: 'unit', kernel: null, count: 12_345 })]));
    expect(table.split('\n')).toEqual([
      'ID      KERNEL  RUNS  COMMITS  SEEDS  COUNT  FAILURES  SECONDS',
      'kernel  6.1        1        1      1     10         0      1.2',
      'unit    -          1        1      1  12345         0      1.2',
      '',
    ]);
  });
});

describe('the mutation tests', () => {
  it('count the mutants that could be judged', () => {
    const states = ['Killed', 'Timeout', 'Survived', 'NoCoverage', 'CompileError', 'RuntimeError', 'Ignored', 'Killed'];
    const report = { files: { 'a.ts': { mutants: states.map((status) => ({ status })) }, 'b.ts': { mutants: [] } } };
    expect(countMutants(report)).toEqual({ count: 5, survivors: 2 });
  });
});
