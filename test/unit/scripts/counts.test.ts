/** What the last line of a test run says. */
import { describe, expect, it } from 'vitest';
import { addCounts, countReport, countRun, isGood, summaryLine } from '../../../scripts/lib/counts.ts';

const report = (...files: { status: string; tests: string[] }[]): unknown => ({
  testResults: files.map(({ status, tests }) => ({
    status,
    assertionResults: tests.map((test) => ({ status: test })),
  })),
});

describe('the counts of a report', () => {
  it('add up over its files', () => {
    const files = [
      { status: 'passed', tests: ['passed', 'passed', 'skipped'] },
      { status: 'failed', tests: ['failed', 'passed', 'todo', 'pending'] },
    ];
    expect(countReport(report(...files))).toEqual({ passed: 3, failed: 1, skipped: 3 });
  });

  it('have one failure for a file that could not be loaded', () => {
    expect(countReport(report({ status: 'failed', tests: [] }))).toEqual({ passed: 0, failed: 1, skipped: 0 });
  });

  it('are refused when the report is another form', () => {
    expect(() => countReport({ testResults: 3 })).toThrow('expected array');
  });
});

describe('the counts of a run', () => {
  const good = report({ status: 'passed', tests: ['passed'] });

  it('are those of its report', () => {
    expect(countRun(0, good)).toEqual({ passed: 1, failed: 0, skipped: 0 });
    expect(countRun(1, report({ status: 'failed', tests: ['failed'] }))).toEqual({ passed: 0, failed: 1, skipped: 0 });
  });

  it.each([
    ['wrote no report', 0, null, { passed: 0, failed: 1, skipped: 0 }],
    ['found no test', 0, report(), { passed: 0, failed: 1, skipped: 0 }],
    ['failed beside its tests', 1, good, { passed: 1, failed: 1, skipped: 0 }],
    ['only skipped', 0, report({ status: 'passed', tests: ['skipped'] }), { passed: 0, failed: 0, skipped: 1 }],
  ])('show that it %s', (_, code, written, counts) => {
    expect(countRun(code, written)).toEqual(counts);
    expect(isGood(counts)).toBe(false);
  });
});

describe('the summary', () => {
  it('is one line of three numbers', () => {
    expect(summaryLine({ passed: 1203, failed: 2, skipped: 0 })).toBe('1203 passed, 2 failed, 0 skipped');
  });

  it.each([
    [{ passed: 1, failed: 0, skipped: 0 }, true],
    [{ passed: 1, failed: 1, skipped: 0 }, false],
    [{ passed: 1, failed: 0, skipped: 1 }, false],
    [{ passed: 0, failed: 0, skipped: 0 }, false],
  ])('of %o is good: %s', (counts, good) => {
    expect(isGood(counts)).toBe(good);
  });
});

it('several runs are counted together', () => {
  const good = { passed: 2, failed: 0, skipped: 0 };
  expect(addCounts([good])).toEqual(good);
  expect(addCounts([good, { passed: 1, failed: 2, skipped: 3 }])).toEqual({ passed: 3, failed: 2, skipped: 3 });
});
